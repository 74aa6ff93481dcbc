// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestOwner tells whose event is in an entry, by when it was enabled and whether it can be read.
func TestOwner(t *testing.T) {
	const start, end = 5e9, 5e9 + maxBracket
	for _, c := range []struct {
		name                   string
		code                   int32
		before, enabled, after uint64
		want                   slotState
	}{
		{"between the readings", 0, start, start + 10, end, slotOurs},
		{"with the first reading", 0, start, start, end, slotOurs},
		{"with the second reading", 0, start, end, end, slotOurs},
		{"stands still", 0, start, start, start, slotOurs},
		{"younger", 0, start, start - 1, end, slotTaken},
		{"older", 0, start, end + 1, end, slotTaken},
		{"readings too far apart", 0, start, start + 10, end + 1, slotUnknown},
		{"younger, readings too far apart", 0, start, start - 1, end + 1, slotTaken},
		{"can't be read, ours stands still", -int32(unix.EINVAL), start, 0, start, slotOurs},
		{"can't be read, ours goes on", -int32(unix.EINVAL), start, start + 10, end, slotTaken},
	} {
		require.Equal(t, c.want, owner(c.code, c.before, c.enabled, c.after), c.name)
	}
}

// newArray returns a perf event array, and what looks into it.
func newArray(t *testing.T) (*ebpf.Map, *slots) {
	t.Helper()
	array, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, array.Close()) })
	s, err := openSlots(array)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	return array, s
}

func newRing(t *testing.T, array *ebpf.Map, s *slots, cpu int) *Ring {
	t.Helper()
	r, err := openRing(array, s, cpu, 1)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.close()) })
	return r
}

// TestState looks into the entry of a CPU while it is empty, ours, and another's, and while that can't be told.
func TestState(t *testing.T) {
	array, s := newArray(t)
	r, other := newRing(t, array, s, 0), newRing(t, array, s, 0)
	// However soon it was opened after ours, its time is another one.
	require.NoError(t, unix.IoctlSetInt(other.fds[other.event], unix.PERF_EVENT_IOC_DISABLE, 0))
	require.Equal(t, slotEmpty, s.state(0, r))
	require.Equal(t, slotEmpty, s.state(0, nil))
	for event := range wakeupEvents {
		require.NoError(t, r.openEvent(event))
		require.NoError(t, r.put(event))
		require.Equal(t, slotOurs, s.state(0, r))
		require.Equal(t, slotTaken, s.state(0, other))
		require.Equal(t, slotTaken, s.state(0, nil), "without a ring nothing is ours")
	}
	require.Equal(t, slotUnknown, s.state(ebpf.MustPossibleCPU(), r), "no such CPU")
	require.Equal(t, slotUnknown, s.state(ebpf.MustPossibleCPU(), nil), "no such CPU")
	require.Equal(t, slotUnknown, (*slots)(nil).state(0, r), "a kernel that can't tell")
	require.NoError(t, other.close())
	require.Equal(t, slotUnknown, s.state(0, other), "our event can't be read")
}

// TestClosedRing checks that a closed ring does not use its descriptors, which may be others' by then, and
// that closing tells what fails.
func TestClosedRing(t *testing.T) {
	array, s := newArray(t)
	r := newRing(t, array, s, 0)
	require.NoError(t, r.close())
	require.Equal(t, noEvents(), r.fds)
	require.Nil(t, r.data)
	require.Nil(t, r.meta)
	require.NoError(t, r.close())

	r = newRing(t, array, s, 0)
	breakDescriptor(t, r)
	require.ErrorIs(t, r.close(), unix.EBADF)

	_, err := openRing(array, s, 0, 1<<30)
	require.ErrorContains(t, err, "map 1073741825 pages")
	require.NotErrorIs(t, err, unix.EBADF, "each event is closed once")
	_, err = openRing(array, s, ebpf.MustPossibleCPU(), 1)
	require.ErrorIs(t, err, unix.EINVAL)
	require.NotErrorIs(t, err, unix.EBADF, "no event was opened")
}

// breakDescriptor closes an event of the ring, which does not know.
func breakDescriptor(t *testing.T, r *Ring) {
	t.Helper()
	fd := r.fds[eagerEvent]
	r.fds[eagerEvent] = 1 << 30
	require.NoError(t, unix.Close(fd))
}
