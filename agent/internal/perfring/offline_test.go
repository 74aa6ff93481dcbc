// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/source"
)

// withPossibleCPUs has the machine tell these possible CPUs. Those that it has not are as good as offline.
func withPossibleCPUs(t *testing.T, cpus int, err error) {
	t.Helper()
	before := possibleCPUs
	possibleCPUs = func() (int, error) { return cpus, err }
	t.Cleanup(func() { possibleCPUs = before })
}

func openRings(t *testing.T, src *Source) *Rings {
	t.Helper()
	rings, err := src.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rings.Close()) })
	return rings.(*Rings)
}

// newSource returns a source of a new array with that many entries.
func newSource(t *testing.T, entries int) *Source {
	t.Helper()
	array, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, MaxEntries: uint32(entries)})
	require.NoError(t, err)
	src := New(array, Options{Pages: 1})
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	return src
}

// withPerfEvents has the kernel open perf events as this tells, if it does not return nil.
func withPerfEvents(t *testing.T, fails func(attr *unix.PerfEventAttr, cpu int) error) (restore func()) {
	t.Helper()
	before := perfEventOpen
	perfEventOpen = func(attr *unix.PerfEventAttr, pid, cpu, group, flags int) (int, error) {
		if err := fails(attr, cpu); err != nil {
			return -1, err
		}
		return before(attr, pid, cpu, group, flags)
	}
	restore = func() { perfEventOpen = before }
	t.Cleanup(restore)
	return restore
}

// TestOffline reads a machine with a CPU that is offline, until it comes online.
func TestOffline(t *testing.T) {
	all, err := Check(1)
	require.NoError(t, err)
	cpus := ebpf.MustPossibleCPU()
	withPossibleCPUs(t, cpus+1, nil)
	src := newSource(t, cpus+1)
	online := withPerfEvents(t, func(_ *unix.PerfEventAttr, cpu int) error {
		if cpu == 0 || cpu == cpus {
			return unix.ENODEV
		}
		return nil
	})
	support, err := Check(1)
	require.NoError(t, err)
	require.Equal(t, all.CPUs-1, support.CPUs)
	rings := openRings(t, src)
	require.Len(t, rings.All(), support.CPUs)
	require.NoError(t, rings.Check())

	online()
	err = rings.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorContains(t, err, "CPU 0 came online")
}

// TestNoLosses reads a kernel before 6.0, which does not count the losses of each event.
func TestNoLosses(t *testing.T) {
	withPerfEvents(t, func(attr *unix.PerfEventAttr, _ int) error {
		if attr.Read_format&perfFormatLost != 0 {
			return unix.EINVAL
		}
		return nil
	})
	support, err := Check(1)
	require.NoError(t, err)
	require.False(t, support.CountsLosses)
	rings := openRings(t, newSource(t, 0))
	require.NoError(t, rings.Check())
	requireStates(t, rings.slots, rings, slotOurs)
	lost, err := rings.rings[0].LostNow()
	require.NoError(t, err)
	require.Zero(t, lost)
}

// TestWasOffline has the kernel disable an event, as it does when the CPU goes offline.
func TestWasOffline(t *testing.T) {
	rings := openRings(t, newSource(t, 0))
	require.NoError(t, rings.Check())
	last := rings.rings[len(rings.rings)-1]
	for last.standsStill() || last.seen == 0 { // as long as its clock does
		runtime.Gosched()
	}
	for goesOn := last.seen; goesOn == last.seen; goesOn, _ = last.enabledTime() {
		runtime.Gosched()
	}
	require.NoError(t, unix.IoctlSetInt(last.fds[last.event], unix.PERF_EVENT_IOC_DISABLE, 0))
	require.NoError(t, rings.Check(), "it has gone on until then")
	err := rings.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorContains(t, err, fmt.Sprintf("CPU %d was offline", last.cpu))
}

// TestOnlyPossibleCPUs checks that an array needs no room for a CPU that is not possible.
func TestOnlyPossibleCPUs(t *testing.T) {
	withPossibleCPUs(t, 1, nil)
	require.NoError(t, openRings(t, newSource(t, 1)).Check())
}

// TestNoPossibleCPUs has a machine that does not tell its CPUs.
func TestNoPossibleCPUs(t *testing.T) {
	src := newSource(t, 1)
	failure := errors.New("no such file")
	withPossibleCPUs(t, 0, failure)
	_, err := Check(1)
	require.ErrorIs(t, err, failure)
	require.ErrorIs(t, CheckFree(src.array), failure)
	_, err = src.Open()
	require.ErrorIs(t, err, failure)
}
