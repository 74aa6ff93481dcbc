// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/internal/perfring"
)

// visit is a visit of the reader that finds so many records in ring 0, and writes to so
// many clients.
func (w *wakeups) visit(now time.Time, records, clients int) {
	w.begin(now)
	if records > 0 {
		w.read(0, records)
	}
	w.wrote(clients)
	w.end()
	for i := range w.rings {
		w.mode(i)
	}
}

// TestWakeupsAdapt follows a CPU from quiet to busy and back: few events wake the reader
// up one by one, many do not, and the other CPU is not affected.
func TestWakeupsAdapt(t *testing.T) {
	w := newWakeups(2)
	now := w.now
	for range 100 { // 20 events a second
		now = now.Add(50 * time.Millisecond)
		w.visit(now, 1, 4)
		require.Equal(t, perfring.Eager, w.rings[0].mode)
		require.Equal(t, epoll.Forever, w.timeout())
	}

	visits := 0
	for range 1000 { // 20,000 events a second, each of which wakes the reader up
		now = now.Add(50 * time.Microsecond)
		w.visit(now, 1, 4)
		if visits++; w.rings[0].mode == perfring.Lazy {
			break
		}
	}
	require.Less(t, visits, 30, "it takes a short burst to become lazy")
	require.Equal(t, perfring.Eager, w.rings[1].mode)

	for range 100 { // the reader comes by itself
		rest := w.timeout()
		require.LessOrEqual(t, rest, maxRest)
		now = now.Add(rest)
		w.visit(now, int(rest/(50*time.Microsecond)), 4)
		require.Equal(t, perfring.Lazy, w.rings[0].mode)
	}

	visits = 0
	for w.timeout() != epoll.Forever { // no events any more
		now = now.Add(w.timeout())
		w.visit(now, 0, 0)
		visits++
	}
	require.Less(t, visits, int(2*quietAfter/restBase), "it takes some %s to become eager", quietAfter)
	require.Equal(t, perfring.Eager, w.rings[0].mode)
}

// TestRestGrowsWithClients checks that visits get rarer the more clients there are, within
// bounds, and when there is little to find.
func TestRestGrowsWithClients(t *testing.T) {
	w := newWakeups(1)
	now := w.now
	w.visit(now, 100, 0)
	last := time.Duration(0)
	for _, clients := range []int{1, 4, 8} {
		w.visit(now, 100, clients)
		require.Greater(t, w.timeout(), last)
		last = w.timeout()
	}
	w.visit(now, 100, 1000)
	require.Equal(t, maxRest, w.timeout())

	w.visit(now, 100, 1)
	often := w.timeout()
	w.visit(now, 1, 1)
	require.Equal(t, 2*often, w.timeout())
	for range 10 {
		w.visit(now, 1, 1)
	}
	require.Equal(t, maxRest, w.timeout())
	w.visit(now, 100, 1)
	require.Equal(t, often, w.timeout())
}
