// SPDX-License-Identifier: Apache-2.0

package wakeup_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/agent/internal/wakeup"
	"github.com/cilium/monitor/agent/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load is a shape of arrivals.
type load struct {
	name     string
	rings    int
	arrivals []arrival
	bursts   int
	burst    int // records in each; 0 if they are of different sizes
	gap      time.Duration
}

// bursts returns so many records a second in bursts at random distances, in turns on so many rings, for half a second or
// 20 bursts.
func bursts(rate, burst, rings int) load {
	const within = 400 * time.Nanosecond // between two of a burst
	gap := time.Duration(float64(burst) / float64(rate) * float64(time.Second))
	l := load{name: fmt.Sprintf("bursts of %d at %d/s on %d rings", burst, rate, rings), rings: rings, burst: burst, gap: gap}
	random := rand.New(rand.NewPCG(uint64(rate), uint64(burst)))
	for at := time.Duration(0); at < time.Second/2 || l.bursts < 20; {
		at += time.Duration((0.5 + random.Float64()) * float64(gap))
		for i := range burst {
			l.arrivals = append(l.arrivals, arrival{at + time.Duration(i)*within, l.bursts % rings})
		}
		l.bursts++
	}
	slices.SortStableFunc(l.arrivals, func(a, b arrival) int { return int(a.at - b.at) })
	return l
}

// recorded returns the packets of a real connection through a pair of veth devices. The file has the distances
// between them in nanoseconds.
func recorded(t testing.TB, name string) load {
	text, err := os.ReadFile("testdata/" + name + ".txt")
	require.NoError(t, err)
	l := load{name: name, rings: 1}
	at := time.Duration(0)
	for line := range strings.Lines(string(text)) {
		distance, err := strconv.Atoi(strings.TrimSpace(line))
		require.NoError(t, err)
		at += time.Duration(distance)
		l.arrivals = append(l.arrivals, arrival{at, 0})
	}
	return l
}

func loads(t testing.TB) (all []load) {
	for _, rate := range []int{200, 1000, 5000, 20_000, 100_000} {
		for _, burst := range []int{1, 10, 50, 200, 1000} {
			for _, rings := range []int{1, 2, 64} {
				all = append(all, bursts(rate, burst, rings))
			}
		}
	}
	return append(all, recorded(t, "tcp-stream"), recorded(t, "tcp-request-response"))
}

var delays = []time.Duration{100 * us, 500 * us, 2 * ms, 20 * ms}

// TestNoRecordWaitsLonger checks what the policy promises, for each shape of load.
func TestNoRecordWaitsLonger(t *testing.T) {
	for _, l := range loads(t) {
		for _, delay := range delays {
			o := simulate(l.rings, l.arrivals, delay)
			require.Zero(t, o.unread, "%s, %v", l.name, delay)
			require.LessOrEqual(t, o.most, delay, "%s, %v", l.name, delay)
			t.Logf("%s, %v: %s", l.name, delay, o.describe(l))
		}
	}
}

func (o outcome) describe(l load) string {
	n := len(l.arrivals)
	return fmt.Sprintf("%.2f wake-ups a burst, %.2f polls a burst, waits %v on average, %v at most, %.1f us of CPU an event",
		float64(o.wakeups)/float64(max(1, l.bursts)), float64(o.polls)/float64(max(1, l.bursts)), (o.total / time.Duration(n)).Round(us),
		o.most.Round(us), float64(o.cpu())/float64(n)/float64(us))
}

// TestBudget checks that neither the datapath nor the reader pays more than so much, whatever comes.
func TestBudget(t *testing.T) {
	for _, l := range loads(t) {
		for _, delay := range delays {
			o := simulate(l.rings, l.arrivals, delay)
			polls := o.took.Seconds() / wakeup.Interval(delay).Seconds()
			// A ring that is eager wakes up the reader some more times until that is there.
			require.LessOrEqual(t, float64(o.wakeups), polls/2+64+float64(8*l.rings*max(1, l.burst)), "%s, %v", l.name, delay)
			require.LessOrEqual(t, float64(o.polls), polls+100, "%s, %v", l.name, delay)
		}
	}
}

// TestOneWakeupPerBurst checks that a burst wakes the reader up once, and that polling ends after it.
func TestOneWakeupPerBurst(t *testing.T) {
	for _, l := range loads(t) {
		if l.burst == 0 || l.rings > 1 || l.gap < 4*ms {
			continue
		}
		o := simulate(l.rings, l.arrivals, 500*us)
		require.LessOrEqual(t, float64(o.wakeups), 1.2*float64(l.bursts)+10+float64(l.burst), l.name)
		require.GreaterOrEqual(t, o.wakeups, l.bursts, "the next burst does not wait: %s", l.name)
		require.LessOrEqual(t, float64(o.polls), 4.2*float64(l.bursts)+20, l.name)
	}
}

// TestLargerDelayIsCheaper checks that a larger delay costs less CPU, and by how much where there is
// much to do.
func TestLargerDelayIsCheaper(t *testing.T) {
	for _, l := range loads(t) {
		var before outcome
		for i, delay := range delays {
			o := simulate(l.rings, l.arrivals, delay)
			if i > 0 {
				require.LessOrEqual(t, float64(o.cpu()), 1.1*float64(before.cpu())+float64(2*ms), "%s, %v", l.name, delay)
			}
			if i > 0 && l.rings == 1 && l.burst == 1 && l.gap <= 50*us {
				require.Less(t, o.cpu(), before.cpu()/2, "%s, %v", l.name, delay)
			}
			before = o
		}
	}
}

// TestQuiet checks that nothing happens while there are no events: a wake-up for each that comes, and nothing else for long.
func TestQuiet(t *testing.T) {
	var l load
	for i := range 50 {
		l.arrivals = append(l.arrivals, arrival{time.Duration(i) * time.Second, 0})
	}
	o := simulate(1, l.arrivals, 500*us)
	require.Equal(t, 50, o.wakeups)
	require.Less(t, o.polls, 20)
	require.LessOrEqual(t, o.most, wakeLatency)
}

// TestQuietRingsAreNotLookedAt has few of many rings be busy: visits look into those alone.
func TestQuietRingsAreNotLookedAt(t *testing.T) {
	l := bursts(20_000, 1, 2)
	few, many := simulate(2, l.arrivals, 500*us), simulate(256, l.arrivals, 500*us)
	require.Equal(t, few, many)

	var quiet []arrival // a record of each other ring
	for i := range 254 {
		quiet = append(quiet, arrival{time.Duration(i) * ms, 2 + i})
	}
	all := append(quiet, l.arrivals...)
	slices.SortStableFunc(all, func(a, b arrival) int { return int(a.at - b.at) })
	with := simulate(256, all, 500*us)
	visits := with.wakeups + with.polls
	require.Less(t, with.looks-few.looks, 254*200, "a ring is polled for a while")
	require.Less(t, with.looks, 30*visits)
}

// TestFixedRings has a ring whose mode can't be changed: it is never polled.
func TestFixedRings(t *testing.T) {
	p := wakeup.New([]bool{false}, 500*us)
	for i := range 1000 {
		look, changes := p.Begin(time.Duration(i)*50*us, []int{0})
		require.Equal(t, []int{0}, look)
		require.Empty(t, changes)
		p.Found(0, 1)
		require.Empty(t, p.End(time.Duration(i)*50*us))
		_, ok := p.NextPoll()
		require.False(t, ok)
	}
}

// TestInterruptedProgram has a program write late, into a ring that was armed in the meantime and looked at
// once more: the record is found soon, though it woke up nobody.
func TestInterruptedProgram(t *testing.T) {
	p := wakeup.New([]bool{true}, 500*us)
	now := time.Duration(0)
	armed := func(woken []int, found int) (at time.Duration) {
		_, changes := p.Begin(now, woken)
		p.Found(0, found)
		changes = append(changes, p.End(now)...)
		for _, c := range changes {
			if c.Mode == source.Once {
				at = now
			}
		}
		return at
	}
	armed([]int{0}, 1)
	armedAt := time.Duration(0)
	for armedAt == 0 {
		var ok bool
		now, ok = p.NextPoll()
		require.True(t, ok)
		armedAt = armed(nil, 0)
	}
	next, ok := p.NextPoll()
	require.True(t, ok)
	require.LessOrEqual(t, next, armedAt+10*ms)
	now = next
	look, _ := p.Begin(now, nil)
	require.Equal(t, []int{0}, look)
	p.Found(0, 1)
	require.Equal(t, []wakeup.Change{{Ring: 0, Mode: source.Once}}, p.End(now), "it is armed anew")
	now += 10 * ms
	p.Begin(now, nil)
	p.End(now)
	_, ok = p.NextPoll()
	require.False(t, ok, "once is enough")
}

// TestMissed has a record come while its ring is armed: the next visit looks into the ring at once.
func TestMissed(t *testing.T) {
	p := wakeup.New([]bool{true, true}, 500*us)
	p.Begin(0, []int{0})
	p.Found(0, 1)
	p.End(0)
	p.Begin(450*us, nil)
	require.Equal(t, []wakeup.Change{{Ring: 0, Mode: source.Once}}, p.End(450*us))
	p.Missed(0)
	at, ok := p.NextPoll()
	require.True(t, ok)
	require.Equal(t, 450*us, at)
	look, _ := p.Begin(451*us, nil)
	require.Equal(t, []int{0}, look)
}

// TestRefused has a ring refuse to be armed: it is polled.
func TestRefused(t *testing.T) {
	p := wakeup.New([]bool{true}, 500*us)
	p.Begin(0, []int{0})
	p.Found(0, 1)
	p.End(0)
	p.Begin(450*us, nil)
	require.Len(t, p.End(450*us), 1)
	p.Refused(0)
	at, ok := p.NextPoll()
	require.True(t, ok)
	require.LessOrEqual(t, at, 950*us)
	look, _ := p.Begin(at, nil)
	require.Equal(t, []int{0}, look)
	require.Equal(t, []wakeup.Change{{Ring: 0, Mode: source.Once}}, p.End(at), "it is tried again")
}

// TestPollsAgain says of each visit whether another one follows at the interval, and holds that against what follows.
func TestPollsAgain(t *testing.T) {
	p := wakeup.New([]bool{true, false}, 500*us)
	now, said, polled := time.Duration(0), 0, 0
	for i := range 1000 {
		var woken []int
		found := i%7 != 0
		if at, ok := p.NextPoll(); ok && i%5 != 0 {
			now = at
		} else {
			woken, now = []int{0}, now+time.Duration(i%11)*time.Millisecond
			if i%13 == 0 {
				woken = []int{1}
			}
		}
		look, _ := p.Begin(now, woken)
		for _, ring := range look {
			if found || len(woken) > 0 {
				p.Found(ring, 1)
			}
		}
		again := p.PollsAgain()
		p.End(now)
		at, ok := p.NextPoll()
		if polls := ok && at <= now+wakeup.Interval(500*us); polls {
			polled++
		} else {
			require.False(t, again, "visit %d", i)
		}
		if again {
			said++
		}
	}
	require.Greater(t, said, 50)
	require.GreaterOrEqual(t, polled, said)
}
