// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func newMap(t *testing.T) *ebpf.Map {
	t.Helper()
	requireRoot(t)
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	return m
}

func mapID(t *testing.T, m *ebpf.Map) ebpf.MapID {
	t.Helper()
	info, err := m.Info()
	require.NoError(t, err)
	id, ok := info.ID()
	require.True(t, ok)
	return id
}

// keepDir keeps the directory of path, and bpffs mounted, until the test ends.
func keepDir(t *testing.T, path string) {
	t.Helper()
	pin, err := PinMap(newMap(t), filepath.Join(filepath.Dir(path), "other"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pin.Remove()) })
}

func requirePinned(t *testing.T, m *ebpf.Map, path string) {
	t.Helper()
	id, err := pinnedMapID(path)
	require.NoError(t, err)
	require.Equal(t, mapID(t, m), id)
}

// inMountNamespace runs f on a thread whose mounts nobody else sees, with nothing
// mounted at /sys/fs/bpf.
func inMountNamespace(t *testing.T, f func()) {
	t.Helper()
	requireRoot(t)
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := errors.Join(
			unix.Unshare(unix.CLONE_NEWNS),
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unmountAll(bpffsRoot),
		)
		if err == nil {
			f()
		}
		result <- err
	}()
	require.NoError(t, <-result)
}

func unmountAll(path string) error {
	for {
		err := unix.Unmount(path, unix.MNT_DETACH)
		if errors.Is(err, unix.EINVAL) {
			return nil // nothing is mounted any more
		}
		if err != nil {
			return err
		}
	}
}

func bpffsMounted(t *testing.T) bool {
	mounted, err := isBPFFS(bpffsRoot)
	assert.NoError(t, err)
	return mounted
}

func TestPinMountsBPFFS(t *testing.T) {
	m, other := newMap(t), newMap(t)
	inMountNamespace(t, func() {
		assert.ErrorIs(t, CheckPin("/sys/fs/bpf/tc/globals/cilium_events"), ErrNoBPFFS)
		assert.False(t, bpffsMounted(t))
		pin, err := PinMap(m, "/sys/fs/bpf/tc/globals/cilium_events")
		if !assert.NoError(t, err) {
			return
		}
		assert.True(t, bpffsMounted(t))
		assert.FileExists(t, "/sys/fs/bpf/tc/globals/cilium_events")

		assert.NoError(t, pin.Remove())
		assert.False(t, bpffsMounted(t))
	})

	t.Run("the mount stays while others use it", func(t *testing.T) {
		inMountNamespace(t, func() {
			first, err := PinMap(m, "/sys/fs/bpf/first/map")
			assert.NoError(t, err)
			second, err := PinMap(other, "/sys/fs/bpf/second")
			assert.NoError(t, err)
			if t.Failed() {
				return
			}
			assert.NoError(t, first.Remove())
			assert.NoDirExists(t, "/sys/fs/bpf/first")
			assert.FileExists(t, "/sys/fs/bpf/second")

			assert.NoError(t, second.Remove())
			assert.True(t, bpffsMounted(t), "it is not the second's to unmount")
		})
	})

	t.Run("a failure leaves no mount", func(t *testing.T) {
		inMountNamespace(t, func() {
			_, err := PinMap(m, "/sys/fs/bpf/dir/not.allowed/map")
			assert.ErrorIs(t, err, os.ErrPermission)
			assert.False(t, bpffsMounted(t))
		})
	})
}

func TestPinReplacesStalePin(t *testing.T) {
	path := eventsPath(t)
	crashed, err := PinMap(newMap(t), path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, crashed.removeMade()) })

	m := newMap(t)
	pin, err := PinMap(m, path)
	require.NoError(t, err)
	requirePinned(t, m, path)

	require.NoError(t, crashed.Remove(), "leaves the pin of another map alone")
	requirePinned(t, m, path)

	require.NoError(t, pin.Remove())
	assert.NoFileExists(t, path)
}

func TestPinInUse(t *testing.T) {
	path := eventsPath(t)
	m := newMap(t)
	pin, err := PinMap(m, path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pin.Remove()) })

	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.SchedCLS,
		Instructions: asm.Instructions{
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.LoadImm(asm.R0, 0, asm.DWord),
			asm.Return(),
		},
		License: "Dual BSD/GPL",
	})
	require.NoError(t, err)
	defer prog.Close()

	_, err = PinMap(newMap(t), path)
	require.ErrorIs(t, err, ErrPinInUse)
	requirePinned(t, m, path)
}

func TestPinKeepsWhatItDidNotMake(t *testing.T) {
	path := eventsPath(t)
	outer, err := PinMap(newMap(t), filepath.Join(filepath.Dir(path), "outer"))
	require.NoError(t, err)
	inner, err := PinMap(newMap(t), path)
	require.NoError(t, err)

	require.NoError(t, inner.Remove())
	assert.DirExists(t, filepath.Dir(path))
	require.NoError(t, outer.Remove())
	assert.NoDirExists(t, filepath.Dir(path))
}

func TestPinRefuses(t *testing.T) {
	m := newMap(t)
	path := eventsPath(t)
	pin, err := PinMap(m, path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pin.Remove()) })

	for _, tc := range []struct{ name, path, want string }{
		{"dots", path + ".2", "a name on a bpffs has no dots"},
		{"directory", filepath.Dir(path), "open the map pinned at"},
		{"not a directory", filepath.Join(path, "below"), "not a directory"},
		{"not a bpffs", filepath.Join(t.TempDir(), "map"), "is not on a bpffs: choose a path under /sys/fs/bpf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := PinMap(newMap(t), tc.path)
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, CheckPin(tc.path), tc.want)
		})
	}
	_, err = os.Stat(path)
	require.NoError(t, err)
}

func TestPinConcurrently(t *testing.T) {
	path := eventsPath(t)
	keepDir(t, path)
	dir := filepath.Join(filepath.Dir(path), "shared")
	var maps []*ebpf.Map
	for range 8 {
		maps = append(maps, newMap(t))
	}
	for range 50 {
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i, m := range maps {
			wg.Go(func() {
				path := filepath.Join(dir, strconv.Itoa(i))
				<-start
				pin, err := PinMap(m, path)
				if assert.NoError(t, err) {
					assert.FileExists(t, path)
					assert.NoError(t, pin.Remove())
					assert.NoFileExists(t, path)
				}
			})
		}
		close(start)
		wg.Wait()
		os.Remove(dir) // It stays if who made it was not the last to leave.
	}
}
