// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"os"
	"testing"

	"github.com/cilium/ebpf"
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

// TestEntriesFail has no event to look at, or too few descriptors at first: what can't be done is an error, and nothing is
// left open of it.
func TestEntriesFail(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	event := rings.rings[0].fds[eagerEvent]
	files := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(entries)
	}
	before := files()
	_, err := openEntries(rings.array, -1)
	require.ErrorContains(t, err, "look at the entries of an events map")
	require.Equal(t, before, files())

	lowest, err := unix.Dup(0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(lowest))
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	for n := range uint64(20) {
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(lowest) + n, Max: limit.Max}))
		e, err := openEntries(rings.array, event)
		require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
		if err == nil {
			require.GreaterOrEqual(t, n, uint64(3), "a map and two programs")
			require.NoError(t, e.close())
			require.Equal(t, before, files())
			return
		}
		require.ErrorIs(t, err, unix.EMFILE)
		require.Equal(t, before, files())
	}
	require.Fail(t, "twenty descriptors are too few")
}

// TestEntriesThatCannotBeRead has an entry be where no memory is, an event that is none, and programs that are closed.
func TestEntriesThatCannotBeRead(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	e, err := openEntries(rings.array, rings.rings[0].fds[eagerEvent])
	require.NoError(t, err)
	_, err = readEntry(e.program, 1<<62)
	require.ErrorContains(t, err, "reading the kernel's memory failed")
	_, err = e.identify(-1)
	require.ErrorContains(t, err, "look at the entries of an events map")
	other, err := openEntries(rings.array, rings.rings[0].fds[eagerEvent])
	require.NoError(t, err)
	// Large, so that its memory is not beside that of a small one.
	large, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1 << 16})
	require.NoError(t, err)
	defer large.Close()
	elsewhere, err := newPeek(large)
	require.NoError(t, err)
	defer elsewhere.Close()
	_, err = findFirst(other.scratch, elsewhere, rings.rings[0].fds[eagerEvent])
	require.ErrorContains(t, err, "0 words look like one", "it looks at another array")
	require.NoError(t, other.peek.Close())
	_, err = findFirst(other.scratch, other.peek, rings.rings[0].fds[eagerEvent])
	require.ErrorContains(t, err, "look at the entries of an events map")
	require.NotContains(t, err.Error(), "look like one", "it looks at nothing")
	require.NoError(t, other.close())
	require.NoError(t, e.close())
	_, err = e.read(0)
	require.ErrorContains(t, err, "look at the entries of an events map")
}

// TestEntriesEnd has entries be told no more: those of a ring are found out by their time, and an event that would not be
// known is not opened.
func TestEntriesEnd(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	e, err := openEntries(rings.array, rings.rings[0].fds[eagerEvent])
	require.NoError(t, err)
	require.NoError(t, e.close())
	for _, r := range rings.rings {
		r.entries = e
		require.Equal(t, slotOurs, r.state())
		require.ErrorContains(t, r.openEvent(gainEvent), "look at the entries of an events map")
		require.Equal(t, -1, r.fds[gainEvent])
		require.NoError(t, r.SetMode(source.Once))
		require.Equal(t, eagerEvent, r.event)
		require.NoError(t, rings.array.Delete(uint32(r.cpu)))
		require.Equal(t, slotEmpty, r.state())
	}
}

// TestLossesAskedOnce asks the kernel for the losses of a ring that was full, and not again before it is.
func TestLossesAskedOnce(t *testing.T) {
	r := openRings(t, newSource(t, 0)).rings[0]
	r.wasFull = true
	lost, err := r.LostNow()
	require.NoError(t, err)
	require.Zero(t, lost)
	require.False(t, r.wasFull)
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
	const largest = 1<<16 + 24 // of a sample, and the loss before it
	r := ringOf(nil, 0)
	r.data = make([]byte, size)
	r.fds[eagerEvent] = 1 << 30 // which is not open
	write := func(n int) {
		r.meta.Data_head += uint64(n)
		r.tail = r.meta.Data_head
		r.Release()
	}
	write(size - largest)
	lost, err := r.LostNow()
	require.NoError(t, err, "no event is asked")
	require.Zero(t, lost)
	write(size - largest + 8)
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
