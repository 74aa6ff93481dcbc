// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/source"
)

// TestEntries checks that an entry that is put, replaced or taken out is told from what it was before.
func TestEntries(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	require.NotNil(t, rings.entries)
	for _, r := range rings.rings {
		for event := range wakeupEvents {
			require.NoError(t, r.openEvent(event))
			require.NoError(t, r.put(event))
			require.Equal(t, slotOurs, r.state())
			entry, err := rings.entries.read(r.cpu)
			require.NoError(t, err)
			require.Equal(t, r.events[event], entry)
		}
		require.NoError(t, r.SetMode(source.Eager))
		other := newRing(t, rings.array, rings.slots, r.cpu)
		require.NoError(t, other.put(lazyEvent))
		require.Equal(t, slotTaken, r.state(), "another's event is there")
		require.ErrorIs(t, r.SetMode(source.Once), source.ErrStale)
		require.NoError(t, rings.array.Delete(uint32(r.cpu)))
		entry, err := rings.entries.read(r.cpu)
		require.NoError(t, err)
		require.Zero(t, entry)
		require.Equal(t, slotEmpty, r.state())
		require.ErrorIs(t, r.SetMode(source.Lazy), source.ErrStale)
		require.NoError(t, r.put(eagerEvent))
		require.Equal(t, slotOurs, r.state())
	}
}

// TestWithoutEntries reads a kernel that does not let BPF programs read its memory: whose an entry is, is found
// out by its time.
func TestWithoutEntries(t *testing.T) {
	src := newSource(t, 0)
	rings := openRings(t, src)
	for _, r := range rings.rings {
		r.entries = nil
		require.NoError(t, r.SetMode(source.Once))
		require.NoError(t, rings.array.Delete(uint32(r.cpu)))
		require.ErrorIs(t, r.SetMode(source.Eager), source.ErrStale)
	}
}

// TestFewDescriptorsLater has a ring want another event when there are no more descriptors: it wakes the reader up
// for each record.
func TestFewDescriptorsLater(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	r := rings.rings[0]
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: before.Max}))
	err := r.SetMode(source.Once)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, err)
	require.Equal(t, eagerEvent, r.event)
	require.Equal(t, slotOurs, r.state())
	require.NoError(t, r.SetMode(source.Once))
	require.Equal(t, gainEvent, r.event)
	require.Equal(t, slotOurs, r.state())
}

// TestLossOfFullRing checks that the kernel is not asked for the losses of a ring that was not full.
func TestLossOfFullRing(t *testing.T) {
	const size = 1 << 18
	r := ringOf(nil, 0)
	r.data = make([]byte, size)
	r.fds[eagerEvent] = 1 << 30 // which is not open
	write := func(n int) {
		r.meta.Data_head += uint64(n)
		r.tail = r.meta.Data_head
		r.Release()
	}
	write(size - maxRecord)
	lost, err := r.LostNow()
	require.NoError(t, err, "no event is asked")
	require.Zero(t, lost)
	write(size - maxRecord + 8)
	_, err = r.LostNow()
	require.Error(t, err)
	write(8)
	_, err = r.LostNow()
	require.Error(t, err, "it was not told yet")
	r.wasFull = false
	r.meta.Data_head += size
	_, err = r.LostNow()
	require.Error(t, err, "it is full")
}
