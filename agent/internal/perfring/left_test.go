// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

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
	require.True(t, support.CountsLosses)

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
		"Check":          func(t *testing.T) { _, err := perfring.Check(1); require.NoError(t, err) },
		"Check, no room": func(t *testing.T) { _, err := perfring.Check(1 << 30); require.NoError(t, err) },
		"CheckFree":      func(t *testing.T) { require.NoError(t, perfring.CheckFree(d.events)) },
		"read":           func(t *testing.T) { requireReads(t, d, openSource(t, newPinned(t, path, false))) },
		"check":          func(t *testing.T) { require.NoError(t, openSource(t, newPinned(t, path, false)).Check()) },
		"check, too few": func(t *testing.T) { _ = openSource(t, sourceOf(t, small, perfring.Options{Pages: 1})).Check() },
		"an odd number": func(t *testing.T) {
			_, err := openArray(t, d.events, perfring.Options{Pages: 3})
			require.Error(t, err)
		},
		"too many pages": func(t *testing.T) {
			_, err := openArray(t, d.events, perfring.Options{Pages: 1 << 30})
			require.Error(t, err)
		},
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

// TestFewDescriptors has ever more descriptors, and at first too few: what can't be done is an error that
// says why, nothing is left of it, and the rings that were open before are still read.
func TestFewDescriptors(t *testing.T) {
	path := testutils.EventsMapPath(t)
	d := pinned(t, path)
	src := newPinned(t, path, true)
	old := openSource(t, src)
	unread := newDatapath(t, 40)
	shared := sourceOf(t, unread.events, perfring.Options{Pages: 1})
	before := openFiles(t)
	lowest := freeDescriptor(t)
	for _, c := range []struct {
		name string
		use  func() error
	}{
		{"Check", func() error { _, err := perfring.Check(1); return err }},
		{"CheckFree", func() error { return perfring.CheckFree(d.events) }},
		{"look", old.Check},
		{"Open without a right", func() (err error) {
			withoutSysAdmin(t, func() {
				var rings source.Rings
				if rings, err = shared.Open(); err == nil {
					err = rings.Close()
				}
			})
			return err
		}},
		{"Open", func() error { // the last one: it takes the place of the old rings
			rings, err := src.Open()
			if err != nil {
				return err
			}
			if len(rings.All()) == 0 {
				return errors.Join(errors.New("there are no rings"), rings.Close())
			}
			return rings.Close()
		}},
	} {
		failures := 0
		var err error
		for n := 0; ; n++ {
			err = withDescriptors(t, lowest+n, c.use)
			require.Equal(t, before, openFiles(t), "%s with %d descriptors", c.name, n)
			if !errors.Is(err, unix.EMFILE) {
				break
			}
			failures++
			requireReads(t, d, old)
		}
		require.NotZero(t, failures, c.name)
		if c.name == "CheckFree" {
			require.ErrorIs(t, err, perfring.ErrTaken)
		} else {
			require.NoError(t, err, c.name)
		}
	}
}

// freeDescriptor returns the descriptor that the next file gets.
func freeDescriptor(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	return fd
}

// withDescriptors calls f while descriptors have to be less than limit.
func withDescriptors(t *testing.T, limit int, f func() error) error {
	t.Helper()
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(limit), Max: before.Max}))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	return f()
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
