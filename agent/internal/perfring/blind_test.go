// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/source"
)

// blind has rings as of a kernel that can't tell what is in the array, and of which all readers have
// one open file, or not.
func blind(t *testing.T, rings *Rings, ownFile bool) *slots {
	t.Helper()
	sight := rings.slots
	t.Cleanup(func() { require.NoError(t, sight.close()) })
	rings.slots, rings.ownFile = nil, ownFile
	for _, r := range rings.rings {
		r.slots, r.entries = nil, nil
	}
	return sight
}

// requireStates checks what a kernel that can tell finds in the entries of rings.
func requireStates(t *testing.T, sight *slots, rings *Rings, want slotState) {
	t.Helper()
	require.NotEmpty(t, rings.rings)
	for _, r := range rings.rings {
		require.Equal(t, want, sight.state(r.cpu, r), "CPU %d", r.cpu)
	}
}

// TestBlindDetach checks that rings are taken out of the array once, where nobody can tell whose they are.
func TestBlindDetach(t *testing.T) {
	src := newSource(t, 0)
	old := openRings(t, src)
	rings := openRings(t, src)
	sight := blind(t, rings, false)
	blind(t, old, false)
	require.NoError(t, old.Detach())
	requireStates(t, sight, rings, slotOurs)
	require.NoError(t, src.array.Delete(uint32(rings.rings[0].cpu)))
	require.NoError(t, rings.Detach(), "an entry that is gone is no error")
	requireStates(t, sight, rings, slotEmpty)
	require.NoError(t, rings.Detach())
}

// TestBlindOwnFile checks that closing an open file of the array takes out nothing of another reader, where
// nobody can tell whose it is.
func TestBlindOwnFile(t *testing.T) {
	src := newSource(t, 0)
	old := openRings(t, src)
	require.True(t, old.ownFile)
	bpffs := t.TempDir()
	require.NoError(t, unix.Mount("bpf", bpffs, "bpf", 0, ""))
	defer func() { require.NoError(t, unix.Unmount(bpffs, unix.MNT_DETACH)) }()
	path := filepath.Join(bpffs, "events")
	require.NoError(t, src.array.Pin(path))
	fromPath := NewPinned(path, Options{Pages: 1, TakeOver: true})
	second := openRings(t, fromPath)
	blind(t, old, old.ownFile)
	require.NoError(t, old.Detach())
	requireStates(t, second.slots, second, slotOurs)

	third := openRings(t, NewPinned(path, Options{Pages: 1, TakeOver: true}))
	blind(t, second, second.ownFile)
	require.NoError(t, second.Detach())
	requireStates(t, third.slots, third, slotOurs)
}

// TestPutBack checks that rings which can't take the place of others leave those where they were.
func TestPutBack(t *testing.T) {
	src := newSource(t, 0)
	old := openRings(t, src)
	last := old.rings[len(old.rings)-1]
	require.NoError(t, last.SetMode(source.Lazy))
	for _, before := range []*Rings{old, nil} {
		rings := &Rings{array: src.array, slots: old.slots, possible: old.possible}
		for _, r := range old.rings {
			rings.rings = append(rings.rings, newRing(t, src.array, old.slots, r.cpu))
		}
		broken := newRing(t, src.array, old.slots, 0)
		rings.rings = append(rings.rings, &Ring{array: src.array, cpu: broken.cpu, fds: noEvents(), meta: broken.meta})
		err := rings.putAll(before)
		require.ErrorIs(t, err, unix.EBADF)
		require.ErrorContains(t, err, "put perf event of CPU 0 into the events map")
		if before != nil {
			requireStates(t, old.slots, old, slotOurs)
			require.Equal(t, lazyEvent, last.event)
		}
	}
	require.NoError(t, old.array.Close())
	require.ErrorContains(t, old.putBack([]*Ring{last}), fmt.Sprintf("put perf event of CPU %d", last.cpu))
}

// TestFailures checks that what fails is told.
func TestFailures(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	blind(t, rings, false)
	require.NoError(t, rings.array.Close())
	require.ErrorContains(t, rings.Detach(), "take perf event of CPU 0 out of the events map")

	rings = openRings(t, newSource(t, 0))
	breakDescriptor(t, rings.rings[0])
	require.ErrorIs(t, rings.Unmap(), unix.EBADF)

	rings = openRings(t, newSource(t, 0))
	breakDescriptor(t, rings.rings[0])
	require.ErrorIs(t, rings.Close(), unix.EBADF)
	woken, err := rings.Wait(epoll.Forever)
	require.ErrorIs(t, err, unix.EBADF)
	require.Empty(t, woken)

	_, err = eventsmap.ID(rings.array)
	require.Error(t, err)
}
