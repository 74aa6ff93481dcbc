// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

// readerOf is the environment variable that makes a process of the test binary a reader of the
// events map at that path, until its stdin ends.
const readerOf = "MONITOR_TEST_READER_OF"

func readAnother(path string) error {
	src := perfring.NewPinned(path, perfring.Options{Pages: 1, TakeOver: true})
	rings, err := src.Open()
	if err != nil {
		return err
	}
	defer rings.Close()
	fmt.Println("reading")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	return nil
}

// anotherReader starts a process that reads the events map at path, and returns its id. stop ends it.
func anotherReader(t *testing.T, path string) (pid int, stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), readerOf+"="+path)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ended := false
	stop = func() {
		if !ended {
			ended = true
			stdin.Close()
			require.NoError(t, cmd.Wait())
		}
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "reading\n", line)
	return cmd.Process.Pid, stop
}

// pinned pins a new events map, in the place of one that is there, and returns it.
func pinned(t *testing.T, path string) *datapath {
	t.Helper()
	d := newDatapath(t, 40)
	_ = os.Remove(path) // it need not be there
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, d.events.Pin(path))
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

// TestTaken has another process read the map.
func TestTaken(t *testing.T) {
	path := testutils.EventsMapPath(t)
	d := pinned(t, path)
	require.NoError(t, perfring.CheckFree(d.events))
	pid, stop := anotherReader(t, path)
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	want := fmt.Sprintf("the entry of CPU 0 is taken by process %d (%s)", pid, strings.TrimSpace(string(comm)))
	require.Eventually(t, func() bool { // the search for processes takes no longer than it may
		_, err := newPinned(t, path, false).Open()
		return errors.Is(err, perfring.ErrTaken) && strings.HasSuffix(err.Error(), want)
	}, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool {
		err := perfring.CheckFree(d.events)
		return errors.Is(err, perfring.ErrTaken) && strings.HasSuffix(err.Error(), want[len("the entry of CPU 0 is taken by "):])
	}, time.Minute, time.Millisecond)

	src := newPinned(t, path, false)
	_, err = src.Open()
	require.ErrorIs(t, err, perfring.ErrTaken)
	stop()
	require.NoError(t, perfring.CheckFree(d.events))
	requireReads(t, d, openSource(t, src))
}

// TestTakenInProcess has the reader in the same process, which is not named by its id.
func TestTakenInProcess(t *testing.T) {
	d := newDatapath(t, 40)
	openSource(t, sourceOf(t, d.events, perfring.Options{Pages: 1}))
	_, err := sourceOf(t, d.events, perfring.Options{Pages: 1}).Open()
	require.ErrorIs(t, err, perfring.ErrTaken)
	require.ErrorContains(t, err, "this process")
}

// TestTakeOver takes the map away from another reader, who notices, and does not take it back while
// it is read.
func TestTakeOver(t *testing.T) {
	d := newDatapath(t, 40)
	takeOver := perfring.Options{Pages: 1, TakeOver: true}
	first, second := sourceOf(t, d.events, takeOver), sourceOf(t, d.events, takeOver)
	old := openSource(t, first)
	taken := openSource(t, second)
	requireReads(t, d, taken)
	require.NoError(t, taken.Check())

	err := old.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorIs(t, err, perfring.ErrTaken)
	require.ErrorContains(t, err, "the entry of CPU 0 is taken by")
	require.NoError(t, old.Close())
	requireReads(t, d, taken)
	for range 2 {
		_, err = first.Open()
		require.ErrorIs(t, err, perfring.ErrTaken)
	}
	requireReads(t, d, taken)

	require.NoError(t, taken.Close())
	old = openSource(t, first)
	requireReads(t, d, old)
	// It lost the map once: that is over.
	openSource(t, second)
	require.NoError(t, old.Close())
	requireReads(t, d, openSource(t, first))
}

// TestTakenOut has somebody delete the entry of one CPU after the other.
func TestTakenOut(t *testing.T) {
	d := newDatapath(t, 40)
	src := sourceOf(t, d.events, perfring.Options{Pages: 1})
	rings := openSource(t, src)
	for _, ring := range rings.All() {
		require.NoError(t, rings.Check())
		require.NoError(t, d.events.Delete(uint32(ring.CPU())))
		err := rings.Check()
		require.ErrorIs(t, err, source.ErrStale)
		require.NotErrorIs(t, err, perfring.ErrTaken)
		require.ErrorContains(t, err, fmt.Sprintf("of CPU %d out", ring.CPU()))
		rings = openSource(t, src)
		requireReads(t, d, rings)
	}
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

// TestCheckSupport checks what Check finds on a machine that can read events.
func TestCheckSupport(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("perf events need root")
	}
	const pages = 4
	support, err := perfring.Check(pages)
	require.NoError(t, err)
	d := newDatapath(t, 40)
	require.Len(t, open(t, d, 1).All(), support.CPUs)
	require.Equal(t, (1+pages)*os.Getpagesize(), support.RingSize)
	require.NoError(t, support.MapError)

	support, err = perfring.Check(1 << 30)
	require.NoError(t, err)
	require.Error(t, support.MapError)
}

// TestNothingLeft checks that no file and no memory of the kernel is left of what was opened, whether
// that went well or not.
func TestNothingLeft(t *testing.T) {
	path := testutils.EventsMapPath(t)
	d := pinned(t, path)
	small, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, MaxEntries: 1})
	require.NoError(t, err)
	defer small.Close()
	before := openFiles(t)
	for name, use := range map[string]func(*testing.T){
		"Check":           func(t *testing.T) { _, err := perfring.Check(1); require.NoError(t, err) },
		"Check, no room":  func(t *testing.T) { _, err := perfring.Check(1 << 30); require.NoError(t, err) },
		"CheckFree":       func(t *testing.T) { require.NoError(t, perfring.CheckFree(d.events)) },
		"read":            func(t *testing.T) { requireReads(t, d, openSource(t, newPinned(t, path, false))) },
		"check":           func(t *testing.T) { require.NoError(t, openSource(t, newPinned(t, path, false)).Check()) },
		"check, too few":  func(t *testing.T) { _ = openSource(t, sourceOf(t, small, perfring.Options{Pages: 1})).Check() },
		"an odd number":   func(t *testing.T) { _, err := openArray(t, d.events, 3); require.Error(t, err) },
		"too many pages":  func(t *testing.T) { _, err := openArray(t, d.events, 1<<30); require.Error(t, err) },
		"without a right": func(t *testing.T) { withoutSysAdmin(t, func() { open(t, d, 1) }) },
		"taken": func(t *testing.T) {
			openSource(t, newPinned(t, path, false))
			_, err := newPinned(t, path, false).Open()
			require.ErrorIs(t, err, perfring.ErrTaken)
			require.ErrorIs(t, perfring.CheckFree(d.events), perfring.ErrTaken)
		},
	} {
		t.Run(name, use)
		require.Equal(t, before, openFiles(t), name)
	}
}

// openFiles returns how many files this process has open, and how many perf rings are mapped.
func openFiles(t *testing.T) (n [2]int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	return [2]int{len(entries), strings.Count(string(maps), "[perf_event]")}
}

// TestClosed checks that what was closed can be closed again, and is told to be closed.
func TestClosed(t *testing.T) {
	d := newDatapath(t, 40)
	rings := open(t, d, 1)
	ring := rings.All()[0]
	require.NoError(t, rings.Close())
	require.NoError(t, rings.Close())
	require.Empty(t, rings.All())
	_, err := ring.(source.LossCounter).LostNow()
	require.ErrorIs(t, err, unix.EBADF)
	require.ErrorContains(t, err, fmt.Sprintf("CPU %d", ring.CPU()))
	err = ring.(source.Throttle).SetMode(source.Lazy)
	require.Error(t, err)
	require.ErrorContains(t, err, fmt.Sprintf("CPU %d", ring.CPU()))
}
