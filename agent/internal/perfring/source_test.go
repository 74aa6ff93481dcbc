// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/testutils"
)

// pinned pins a new events map, in the place of one that is there, and returns it.
func pinned(t *testing.T, path string) *datapath {
	t.Helper()
	d := newDatapath(t, 40)
	_ = os.Remove(path)                  // it need not be there
	_, err := bpf.PinMap(d.events, path) // which mounts a bpffs where there is none
	require.NoError(t, err)
	return d
}

func newPinned(t *testing.T, path string, takeOver bool) *perfring.Source {
	t.Helper()
	src := perfring.NewPinned(path, perfring.Options{Pages: 1, TakeOver: takeOver})
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	return src
}

func openSource(t *testing.T, src *perfring.Source) *perfring.Rings {
	t.Helper()
	rings, err := src.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rings.Close()) })
	return rings.(*perfring.Rings)
}

// requireReads checks that events of the datapath get to each of the rings.
func requireReads(t *testing.T, d *datapath, rings *perfring.Rings) {
	t.Helper()
	require.NotEmpty(t, rings.All())
	for _, ring := range rings.All() {
		drain(t, ring, 40)
		d.emit(t, ring.CPU(), 1, 3)
		counts, lost := drain(t, ring, 40)
		require.Equal(t, []int{1, 2, 3}, counts, "CPU %d", ring.CPU())
		require.Zero(t, lost)
	}
}

// TestPinned opens whichever map is pinned at the time, and tells when it is another one.
func TestPinned(t *testing.T) {
	path := testutils.EventsMapPath(t)
	src := newPinned(t, path, false)
	_, err := src.Open()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)

	d := pinned(t, path)
	rings := openSource(t, src)
	requireReads(t, d, rings)
	require.NoError(t, rings.Check())

	require.NoError(t, os.Remove(path))
	err = rings.Check()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, source.ErrStale, "there is nothing to open")

	other := pinned(t, path)
	err = rings.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorContains(t, err, path)
	again := openSource(t, src)
	requireReads(t, other, again)
	require.NoError(t, again.Check())
}

// TestReopen opens a source again while its rings are open, which is no other reader. Closing the old
// ones takes nothing away from the new ones.
func TestReopen(t *testing.T) {
	d := newDatapath(t, 40)
	src := sourceOf(t, d.events, perfring.Options{Pages: 1})
	first := openSource(t, src)
	second := openSource(t, src)
	requireReads(t, d, second)
	require.NoError(t, first.Close())
	requireReads(t, d, second)
	require.NoError(t, second.Check())
	require.NoError(t, second.Close())
	require.NoError(t, perfring.CheckFree(d.events), "the entries are empty")
	requireReads(t, d, openSource(t, src))
}

// sourceOf returns a source of an array that stays the caller's.
func sourceOf(t *testing.T, array *ebpf.Map, opts perfring.Options) *perfring.Source {
	t.Helper()
	own, err := array.Clone()
	require.NoError(t, err)
	src := perfring.New(own, opts)
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	return src
}

// TestCloseSource checks that the array is the source's: it goes with it.
func TestCloseSource(t *testing.T) {
	d := newDatapath(t, 40)
	own, err := d.events.Clone()
	require.NoError(t, err)
	src := perfring.New(own, perfring.Options{Pages: 1})
	require.NoError(t, src.Close())
	require.Equal(t, -1, own.FD())
	_, err = src.Open()
	require.Error(t, err)
}

// TestSmallArray opens an array that has no room for one of the CPUs.
func TestSmallArray(t *testing.T) {
	cpus := ebpf.MustPossibleCPU()
	if cpus == 1 {
		t.Skip("there is one CPU")
	}
	events, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, MaxEntries: uint32(cpus - 1)})
	require.NoError(t, err)
	defer events.Close()
	rings := openSource(t, sourceOf(t, events, perfring.Options{Pages: 1}))
	require.Len(t, rings.All(), cpus-1)
	err = rings.Check()
	require.ErrorContains(t, err, fmt.Sprintf("has %d entries: it has no room for 1 more CPU", cpus-1))
	require.NotErrorIs(t, err, source.ErrStale, "opening it again would not help")
}

// TestNotAnArray opens a map of another type.
func TestNotAnArray(t *testing.T) {
	hash, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	require.NoError(t, err)
	defer hash.Close()
	_, err = sourceOf(t, hash, perfring.Options{Pages: 1}).Open()
	require.ErrorContains(t, err, "the map is a Hash, not a PerfEventArray")
	require.Error(t, perfring.CheckFree(hash))
}

// TestOneFile reads a map without the right to open it anew: closing the rings takes out what they
// have put into it, and nothing of other readers.
func TestOneFile(t *testing.T) {
	d := newDatapath(t, 40)
	src := sourceOf(t, d.events, perfring.Options{Pages: 1, TakeOver: true})
	var first, second *perfring.Rings
	withoutSysAdmin(t, func() {
		first = openSource(t, src)
		requireReads(t, d, first)
		second = openSource(t, src)
	})
	require.NoError(t, first.Close())
	requireReads(t, d, second)
	require.NoError(t, d.events.Delete(uint32(0)))
	require.NoError(t, second.Close(), "an entry that is gone is no error")
	require.NoError(t, perfring.CheckFree(d.events), "the entries are empty")

	withoutSysAdmin(t, func() { first = openSource(t, src) })
	other := openSource(t, sourceOf(t, d.events, perfring.Options{Pages: 1, TakeOver: true}))
	require.NoError(t, first.Close())
	requireReads(t, d, other)
}

// withoutSysAdmin calls f on a thread without CAP_SYS_ADMIN.
func withoutSysAdmin(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before, less [2]unix.CapUserData
	require.NoError(t, unix.Capget(&header, &before[0]))
	less = before
	less[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
	require.NoError(t, unix.Capset(&header, &less[0]))
	defer func() { require.NoError(t, unix.Capset(&header, &before[0])) }()
	f()
}
