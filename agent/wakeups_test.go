// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
)

// throttledRing is a ring whose reader can choose when to be woken up.
type throttledRing struct{ source.Throttle }

func newTestWakeups(rings int) wakeups {
	all := make([]source.Ring, rings)
	for i := range all {
		all[i] = throttledRing{}
	}
	return newWakeups(all)
}

// poll is a poll of the reader that finds so many records in ring 0, and writes to so
// many clients.
func (w *wakeups) poll(now time.Time, records, clients int) {
	w.beginPoll(now)
	if records > 0 {
		w.read(0, records)
	}
	w.wrote(clients)
	w.endPoll()
	for i := range w.rings {
		w.mode(i)
	}
}

// TestWakeupsAdapt follows a CPU from quiet to busy and back: few events wake the reader
// up one by one, many do not, and the other CPU is not affected.
func TestWakeupsAdapt(t *testing.T) {
	w := newTestWakeups(2)
	now := w.now
	for range 100 { // 20 events a second
		now = now.Add(50 * time.Millisecond)
		w.poll(now, 1, 4)
		require.Equal(t, source.Eager, w.rings[0].mode)
		require.Equal(t, source.Forever, w.timeout())
	}

	polls := 0
	for range 1000 { // 20,000 events a second, each of which wakes the reader up
		now = now.Add(50 * time.Microsecond)
		w.poll(now, 1, 4)
		if polls++; w.rings[0].mode == source.Lazy {
			break
		}
	}
	require.Less(t, polls, 30, "it takes a short burst to become lazy")
	require.Equal(t, source.Eager, w.rings[1].mode)

	for range 100 { // the reader comes by itself
		interval := w.timeout()
		require.LessOrEqual(t, interval, maxInterval)
		now = now.Add(interval)
		w.poll(now, int(interval/(50*time.Microsecond)), 4)
		require.Equal(t, source.Lazy, w.rings[0].mode)
	}

	polls = 0
	for w.timeout() != source.Forever { // no events any more
		now = now.Add(w.timeout())
		w.poll(now, 0, 0)
		polls++
	}
	require.Less(t, polls, int(2*quietAfter/baseInterval), "it takes some %s to become eager", quietAfter)
	require.Equal(t, source.Eager, w.rings[0].mode)
}

// TestIntervalGrowsWithClients checks that polls get rarer the more clients there are, within
// bounds, and when there is little to find.
func TestIntervalGrowsWithClients(t *testing.T) {
	w := newTestWakeups(1)
	now := w.now
	w.poll(now, 100, 0)
	last := time.Duration(0)
	for _, clients := range []int{1, 4, 8} {
		w.poll(now, 100, clients)
		require.Greater(t, w.timeout(), last)
		last = w.timeout()
	}
	w.poll(now, 100, 1000)
	require.Equal(t, maxInterval, w.timeout())

	w.poll(now, 100, 1)
	often := w.timeout()
	w.poll(now, 1, 1)
	require.Equal(t, 2*often, w.timeout())
	for range 10 {
		w.poll(now, 1, 1)
	}
	require.Equal(t, maxInterval, w.timeout())
	w.poll(now, 100, 1)
	require.Equal(t, often, w.timeout())
}

// TestUnthrottledRingStaysEager checks that a ring which can't be made lazy is never taken
// for one: its reader would poll for nothing.
func TestUnthrottledRingStaysEager(t *testing.T) {
	w := newWakeups([]source.Ring{struct{ source.Ring }{}})
	now := w.now
	for range 1000 {
		now = now.Add(50 * time.Microsecond)
		w.poll(now, 1, 1)
	}
	require.Equal(t, source.Forever, w.timeout())
}
