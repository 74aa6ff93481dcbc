// SPDX-License-Identifier: Apache-2.0

package wakeup_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/wakeup"
	"github.com/cilium/monitor/agent/source"
)

const (
	delay    = 500 * us
	lateness = 50 * us // of a timer
)

var interval = wakeup.Interval(delay)

// visitor tells a policy of visits that take no time, each of its own choice.
type visitor struct {
	t *testing.T
	p *wakeup.Policy
	n time.Duration // now
}

func newVisitor(t *testing.T, rings int) *visitor {
	return &visitor{t, wakeup.New(slices.Repeat([]bool{true}, rings), delay), 0}
}

// visit has the policy have a visit some time after the last one, which finds so many records in ring 0. It returns the
// modes that it begins and ends with.
func (v *visitor) visit(after time.Duration, woken []int, found int) (began, ended []wakeup.Change) {
	v.n += after
	_, changes := v.p.Begin(v.n, woken)
	began = slices.Clone(changes)
	v.p.Found(0, found)
	return began, slices.Clone(v.p.End(v.n))
}

// wake is a visit that ring 0 asks for.
func (v *visitor) wake(after time.Duration, found int) (began, ended []wakeup.Change) {
	return v.visit(after, []int{0}, found)
}

// polls tells whether a wake-up of ring 0 has it polled, and goes on until that ends.
func (v *visitor) polls(after time.Duration) bool {
	began, ended := v.wake(after, 2)
	require.Equal(v.t, lazy(0), began)
	if len(ended) > 0 {
		require.Equal(v.t, once(0), ended)
		return false
	}
	at, ok := v.p.NextPoll()
	require.True(v.t, ok)
	require.Equal(v.t, v.n+interval, at)
	_, ended = v.visit(interval, nil, 0)
	require.Equal(v.t, once(0), ended)
	return true
}

// givesUp has polls find nothing until they do not follow upon wake-ups any more.
func (v *visitor) givesUp() {
	for range 3 {
		require.True(v.t, v.polls(time.Second))
	}
	require.False(v.t, v.polls(time.Second))
}

func changes(mode source.Mode, rings []int) (all []wakeup.Change) {
	for _, i := range rings {
		all = append(all, wakeup.Change{Ring: i, Mode: mode})
	}
	return all
}

func once(rings ...int) []wakeup.Change { return changes(source.Once, rings) }
func lazy(rings ...int) []wakeup.Change { return changes(source.Lazy, rings) }

// TestInterval leaves room for timers that are late, but of a small delay no more than half.
func TestInterval(t *testing.T) {
	for maxDelay, want := range map[time.Duration]time.Duration{
		0: 0, 10 * us: 5 * us, 96 * us: 48 * us, 320 * us: 260 * us, 32 * ms: 31*ms - 50*us,
	} {
		require.Equal(t, want, wakeup.Interval(maxDelay), maxDelay)
	}
}

// TestCounts has what a policy counts: rings, and the records of a visit.
func TestCounts(t *testing.T) {
	v := newVisitor(t, 3)
	require.Equal(t, 3, v.p.Rings())
	v.p.Begin(0, []int{0, 2})
	v.p.Found(0, 2)
	v.p.Found(2, 3)
	v.p.Found(2, 1)
	require.Equal(t, 6, v.p.Records())
	v.p.End(0)
	v.p.Begin(1, nil)
	require.Zero(t, v.p.Records())
}

// TestChance has polls follow upon wake-ups as long as they find something, and again once they would have found something.
func TestChance(t *testing.T) {
	t.Run("records that a poll would have found", func(t *testing.T) {
		v := newVisitor(t, 1)
		v.givesUp()
		require.False(t, v.polls(interval+lateness))
		require.True(t, v.polls(time.Second))
		require.False(t, v.polls(time.Second))
	})
	t.Run("records that come too late for it", func(t *testing.T) {
		v := newVisitor(t, 1)
		v.givesUp()
		for range 20 {
			require.False(t, v.polls(interval+lateness+1))
		}
		require.False(t, v.polls(interval), "it found something once in many times")
		require.False(t, v.polls(interval), "twice")
		require.False(t, v.polls(interval), "three times")
		require.True(t, v.polls(interval))
	})
	t.Run("a visit before a poll would have been", func(t *testing.T) {
		v := newVisitor(t, 1)
		v.givesUp()
		v.visit(interval-1, nil, 0)
		v.wake(1, 1)
		require.True(t, v.polls(time.Second))
	})
	t.Run("a visit in the place of a poll", func(t *testing.T) {
		v := newVisitor(t, 1)
		v.givesUp()
		v.visit(interval, nil, 0)
		v.wake(1, 1)
		require.False(t, v.polls(time.Second))
	})
	t.Run("polls that find something", func(t *testing.T) {
		v := newVisitor(t, 1)
		for range 100 {
			v.wake(time.Second, 2)
			v.visit(interval, nil, 1)
			_, ended := v.visit(interval, nil, 0)
			require.Equal(t, once(0), ended)
		}
		for range 3 {
			require.True(t, v.polls(time.Second))
		}
		require.False(t, v.polls(time.Second), "what was is forgotten as fast")
	})
}

// TestWakeupsCost has wake-ups be paid for: half of what polling at the interval costs is free.
func TestWakeupsCost(t *testing.T) {
	t.Run("half as often as polls", func(t *testing.T) {
		v := newVisitor(t, 1)
		v.givesUp()
		for range 1000 {
			_, ended := v.wake(2*interval, 2)
			require.Equal(t, once(0), ended)
		}
	})
	t.Run("more often", func(t *testing.T) {
		v := newVisitor(t, 1)
		v.givesUp()
		v.visit(time.Minute, nil, 0) // nothing is saved up for longer than a burst
		n := 0
		for ended := once(0); len(ended) > 0 && n < 1000; n++ {
			_, ended = v.wake(3*interval/2, 2)
		}
		require.InDelta(t, 4*31+1, n, 3, "each costs a quarter more than comes in")
	})
	t.Run("all at once", func(t *testing.T) {
		const rings = 200
		v := newVisitor(t, rings)
		var all []int
		for i := range rings {
			all = append(all, i)
		}
		began, _ := v.visit(0, all, 1)
		require.Equal(t, lazy(all...), began)
		polls := 0
		for ended := []wakeup.Change(nil); len(ended) == 0 && polls < 1000; polls++ {
			_, ended = v.visit(interval, nil, 0)
		}
		require.InDelta(t, 2*(32+1), polls, 1, "there is a bound to what is owed")
	})
}

// TestSingles has a ring whose wake-ups find one record each wake the reader up for each, which spares changing its mode.
func TestSingles(t *testing.T) {
	eager := changes(source.Eager, []int{0})
	v := newVisitor(t, 1)
	v.givesUp()
	for range 7 {
		_, ended := v.wake(time.Second, 1)
		require.Equal(t, once(0), ended)
	}
	_, ended := v.wake(time.Second, 1)
	require.Equal(t, eager, ended, "the eighth in a row")
	at, ok := v.p.NextPoll()
	require.True(t, ok)
	require.Equal(t, v.n+10*ms, at)
	for range 10 {
		_, ended = v.wake(time.Second, 1)
		require.Empty(t, ended, "it is already")
	}
	_, ok = v.p.NextPoll()
	require.False(t, ok)

	for name, burst := range map[string]func(){
		"two records": func() { v.p.Found(0, 1) },
		"one more":    func() { v.p.More(0) },
	} {
		t.Run(name, func(t *testing.T) {
			v.n += time.Second
			v.p.Begin(v.n, []int{0})
			v.p.Found(0, 1)
			burst()
			require.Len(t, v.p.End(v.n), 1)
			v.visit(interval, nil, 0) // if it is polled
			for range 7 {
				_, ended := v.wake(time.Second, 1)
				require.Equal(t, once(0), ended)
			}
			_, ended := v.wake(time.Second, 1)
			require.Equal(t, eager, ended)
		})
	}
}

// TestMoreIsPolled has a burst go on while its ring is read: the ring is polled, whatever polls have found before.
func TestMoreIsPolled(t *testing.T) {
	v := newVisitor(t, 1)
	v.givesUp()
	v.n += time.Second
	_, began := v.p.Begin(v.n, []int{0})
	require.Equal(t, lazy(0), began)
	v.p.Found(0, 1)
	v.p.More(0)
	require.Empty(t, v.p.End(v.n), "it stays so")
	v.n += interval
	v.p.Begin(v.n, nil)
	v.p.More(0) // it goes on
	require.Empty(t, v.p.End(v.n))
	_, ended := v.visit(interval, nil, 0)
	require.Equal(t, once(0), ended)
}

// TestIdleAmongBusy has a quiet ring be polled for the sake of another one, but not for ever.
func TestIdleAmongBusy(t *testing.T) {
	v := newVisitor(t, 2)
	began, _ := v.visit(0, []int{0, 1}, 1)
	require.Equal(t, lazy(0, 1), began)
	for n := range 127 {
		_, ended := v.visit(interval, nil, 1)
		require.Empty(t, ended, n)
	}
	_, ended := v.visit(interval, nil, 1)
	require.Equal(t, once(1), ended)
	_, ended = v.visit(us, []int{1}, 1)
	require.Empty(t, ended, "it is polled anew")
	_, ended = v.visit(interval, nil, 0)
	require.Equal(t, once(0, 1), ended, "nothing is busy any more")
}

// TestWhichPollsFollow has a poll follow upon what a ring has that is polled, or is to be from its wake-up on.
func TestWhichPollsFollow(t *testing.T) {
	v := newVisitor(t, 1)
	again := func(after time.Duration, woken []int, found int, want bool) {
		t.Helper()
		v.n += after
		v.p.Begin(v.n, woken)
		v.p.Found(0, found)
		require.Equal(t, want, v.p.PollsAgain())
	}
	again(0, []int{0}, 1, true)
	v.p.End(v.n)
	again(interval, nil, 0, false)
	v.p.End(v.n)

	v = newVisitor(t, 1)
	v.givesUp()
	again(time.Second, []int{0}, 1, false)
	v.p.More(0)
	v.p.End(v.n)
	again(interval, nil, 1, true)
	v.p.End(v.n)
	again(interval, nil, 0, false)
}

// TestBurstAmongIdle has a quiet ring be polled for the sake of one whose burst goes on.
func TestBurstAmongIdle(t *testing.T) {
	v := newVisitor(t, 2)
	v.givesUp()
	v.n += time.Second
	v.p.Begin(v.n, []int{1})
	v.p.More(1)
	require.Equal(t, lazy(1), v.p.End(v.n))
	v.n += us
	v.p.Begin(v.n, []int{0})
	v.p.More(0)
	require.Empty(t, v.p.End(v.n), "both stay as they are")
	_, ended := v.visit(interval, nil, 0)
	require.Equal(t, once(1, 0), ended)
}

// TestArmedAgain has a ring be looked into some time after it was armed last, not after each time.
func TestArmedAgain(t *testing.T) {
	v := newVisitor(t, 1)
	v.givesUp()
	for range 3 {
		v.wake(5*ms, 2)
		at, ok := v.p.NextPoll()
		require.True(t, ok)
		require.Equal(t, v.n+10*ms, at)
	}
	v.n += 5 * ms
	v.p.Begin(v.n, []int{0})
	v.p.More(0)
	require.Empty(t, v.p.End(v.n))
	at, ok := v.p.NextPoll()
	require.True(t, ok)
	require.Equal(t, v.n+interval, at, "it is polled")
}

// TestVisitsTakeTime has a poll come earlier the longer visits take: a ring that is first in one may be last in the next.
func TestVisitsTakeTime(t *testing.T) {
	v := newVisitor(t, 1)
	visit := func(took, want time.Duration) {
		t.Helper()
		var woken []int
		if v.n == 0 {
			woken = []int{0}
		}
		v.p.Begin(v.n, woken)
		v.p.Found(0, 1)
		v.p.End(v.n + took)
		at, ok := v.p.NextPoll()
		require.True(t, ok)
		require.Equal(t, v.n+want, at)
		v.n += interval
	}
	visit(0, interval)
	visit(16*us, interval-16*us)
	visit(0, interval-15*us)
	visit(15*us, interval-15*us)
	visit(32*us, interval-32*us)
	visit(time.Second, interval/2)
}

// TestRefusedIsPolled has a ring that refused to be armed be polled for as long as that finds something.
func TestRefusedIsPolled(t *testing.T) {
	v := newVisitor(t, 1)
	v.givesUp()
	_, ended := v.wake(time.Second, 2)
	require.Equal(t, once(0), ended)
	v.p.Refused(0)
	for range 3 {
		_, ended = v.visit(interval, nil, 1)
		require.Empty(t, ended)
	}
	_, ended = v.visit(interval, nil, 0)
	require.Equal(t, once(0), ended)
}

// TestRefusedTwice has a ring that is polled anyway refuse its mode: it is looked into once a visit.
func TestRefusedTwice(t *testing.T) {
	v := newVisitor(t, 1)
	v.wake(0, 1)
	v.p.Refused(0)
	look, _ := v.p.Begin(interval, nil)
	require.Equal(t, []int{0}, look)
	require.Equal(t, once(0), v.p.End(interval))
}

// TestWokenWhilePolled has a ring that is polled wake the reader up, as when half of it is full: nothing changes.
func TestWokenWhilePolled(t *testing.T) {
	v := newVisitor(t, 1)
	v.wake(0, 1)
	for range 1000 {
		began, ended := v.wake(us, 1)
		require.Empty(t, began)
		require.Empty(t, ended)
	}
	_, ended := v.visit(interval, nil, 0)
	require.Equal(t, once(0), ended, "it cost nothing")
}
