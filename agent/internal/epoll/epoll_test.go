// SPDX-License-Identifier: Apache-2.0

package epoll_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) *epoll.Poller {
	t.Helper()
	p, err := epoll.New()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

// TestWake checks that Wake ends the Wait that is under way or comes next, and one only,
// however often it was called.
func TestWake(t *testing.T) {
	p := open(t)
	for range 3 {
		require.NoError(t, p.Wake())
	}
	ready, err := p.Wait(epoll.Forever)
	require.NoError(t, err)
	require.Empty(t, ready)

	ended := make(chan error)
	go func() {
		_, err := p.Wait(epoll.Forever)
		ended <- err
	}()
	select {
	case <-ended:
		require.Fail(t, "Wait ended without reason")
	case <-time.After(20 * time.Millisecond):
	}
	require.NoError(t, p.Wake())
	require.NoError(t, <-ended)
}

// TestDescriptors checks that events of file descriptors are told while they are waited for.
func TestDescriptors(t *testing.T) {
	p := open(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	fd := int(r.Fd())
	require.NoError(t, p.Add(fd, unix.EPOLLIN))
	ready, err := p.Wait(0)
	require.NoError(t, err)
	require.Empty(t, ready)

	_, err = w.WriteString("x")
	require.NoError(t, err)
	require.NoError(t, p.Wake())
	ready, err = p.Wait(epoll.Forever)
	require.NoError(t, err)
	require.Equal(t, []unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(fd)}}, ready)

	require.NoError(t, p.Modify(fd, 0))
	ready, err = p.Wait(time.Millisecond)
	require.NoError(t, err)
	require.Empty(t, ready)
	require.ErrorContains(t, p.Add(fd, unix.EPOLLIN), "epoll_ctl")
}

// TestWakeBeside wakes up a poller that has events, too, whichever came first.
func TestWakeBeside(t *testing.T) {
	p := open(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	fd := int(r.Fd())
	require.NoError(t, p.Add(fd, unix.EPOLLIN))
	require.NoError(t, p.Wake())
	_, err = w.WriteString("x")
	require.NoError(t, err)
	ready, err := p.Wait(epoll.Forever)
	require.NoError(t, err)
	require.Equal(t, []unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(fd)}}, ready)
}

// TestNewFails checks that nothing is left open where there are no more descriptors.
func TestNewFails(t *testing.T) {
	lowest := freeDescriptor(t)
	for n, want := range []string{"create epoll instance", "create eventfd"} {
		err := withDescriptors(t, lowest+n, func() error { _, err := epoll.New(); return err })
		require.ErrorIs(t, err, unix.EMFILE)
		require.ErrorContains(t, err, want)
		require.Equal(t, lowest, freeDescriptor(t))
	}
}

// freeDescriptor returns the descriptor that the next file gets.
func freeDescriptor(t *testing.T) int {
	fd, err := unix.Open("/dev/null", unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, unix.Close(fd))
	return fd
}

// withDescriptors calls f while descriptors have to be less than limit.
func withDescriptors(t *testing.T, limit int, f func() error) error {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(limit), Max: before.Max}))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }()
	return f()
}

// TestNotInherited checks that programs which are started get none of a poller's files.
func TestNotInherited(t *testing.T) {
	before := eventFiles(t, nil)
	open(t)
	files := eventFiles(t, before)
	require.Len(t, files, 2, "an epoll instance and an event file")
	for _, fd := range files {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.Equal(t, unix.FD_CLOEXEC, flags)
	}
}

// eventFiles returns the descriptors of this process's epoll instances and event files, in order, without
// those of before: the Go runtime has some as well.
func eventFiles(t *testing.T, before []int) (fds []int) {
	t.Helper()
	for fd := range 100 {
		file, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err == nil && strings.HasPrefix(file, "anon_inode:[event") && !slices.Contains(before, fd) {
			fds = append(fds, fd)
		}
	}
	return fds
}

// TestWokenOnce checks that the kernel hears of the first Wake before a Wait alone.
func TestWokenOnce(t *testing.T) {
	before := eventFiles(t, nil)
	p := open(t)
	files := eventFiles(t, before)
	require.Len(t, files, 2)
	wakeFd := files[1]
	for range 2 {
		for range 3 {
			require.NoError(t, p.Wake())
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", wakeFd))
		require.NoError(t, err)
		require.Regexp(t, `(?m)^eventfd-count:\s+1$`, string(info))
		_, err = p.Wait(epoll.Forever)
		require.NoError(t, err)
	}
}

// TestCloseFails has somebody close what is the poller's.
func TestCloseFails(t *testing.T) {
	before := eventFiles(t, nil)
	p, err := epoll.New()
	require.NoError(t, err)
	files := eventFiles(t, before)
	require.Len(t, files, 2)
	require.NoError(t, unix.Close(files[1]))
	require.ErrorIs(t, p.Close(), unix.EBADF)
	require.Empty(t, eventFiles(t, before), "the other one is closed")
}

func TestClosed(t *testing.T) {
	lowest := freeDescriptor(t)
	p, err := epoll.New()
	require.NoError(t, err)
	require.NoError(t, p.Close())
	require.Equal(t, lowest, freeDescriptor(t))
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Wake(), os.ErrClosed)
	_, err = p.Wait(0)
	require.ErrorIs(t, err, unix.EBADF)
}
