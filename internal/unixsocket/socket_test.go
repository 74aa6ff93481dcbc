// SPDX-License-Identifier: Apache-2.0

package unixsocket_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/internal/unixsocket"
)

// listen listens at path until the end of the test.
func listen(t *testing.T, path string, opts unixsocket.Options) *unixsocket.Socket {
	t.Helper()
	s, err := unixsocket.Listen(path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func requireMode(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, mode, info.Mode())
}

// leaveBehind leaves a socket at path that nobody serves.
func leaveBehind(t *testing.T, path string) {
	t.Helper()
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
}

func TestListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "on the way", "socket")
	s, err := unixsocket.Listen(path, unixsocket.Options{Mode: 0o600, Group: "no such group"})
	require.NoError(t, err)
	requireMode(t, path, fs.ModeSocket|0o600)
	l, err := s.Listener()
	require.NoError(t, err)
	client, err := net.Dial("unix", path)
	require.NoError(t, err)
	server, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, server.Close())
	require.NoError(t, client.Close())
	require.NoError(t, l.Close())
	require.FileExists(t, path)
	require.NoError(t, s.Close())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestGroup gives the socket to a group.
func TestGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: gives a file to another group")
	}
	path := filepath.Join(t.TempDir(), "socket")
	listen(t, path, unixsocket.Options{Mode: 0o660, Group: "daemon"})
	requireMode(t, path, fs.ModeSocket|0o660)
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.Sys().(*syscall.Stat_t).Gid)
	require.EqualValues(t, 0, info.Sys().(*syscall.Stat_t).Uid)
}

// TestTaken has something at the path that must stay there.
func TestTaken(t *testing.T) {
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"file":      {func(path string) error { return os.WriteFile(path, []byte("data"), 0o600) }, "not a socket but a file"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "not a socket but a directory"},
		"link": {func(path string) error {
			if err := os.WriteFile(path+"target", nil, 0o644); err != nil {
				return err
			}
			return os.Symlink(path+"target", path)
		}, "not a socket but a symbolic link"},
		"dangling link": {func(path string) error { return os.Symlink(path+"target", path) }, "not a socket but a symbolic link"},
		"pipe":          {func(path string) error { return unix.Mkfifo(path, 0o600) }, "not a socket but a named pipe"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			require.NoError(t, test.make(path))
			before, err := os.Lstat(path)
			require.NoError(t, err)

			require.ErrorContains(t, unixsocket.Check(path), test.want)
			_, err = unixsocket.Listen(path, unixsocket.Options{Mode: 0o666})
			require.ErrorContains(t, err, test.want)
			after, err := os.Lstat(path)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after))
			require.Equal(t, before.Mode(), after.Mode())
			require.NoFileExists(t, path+".lock")
		})
	}
	t.Run("served", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "socket")
		l, err := net.Listen("unix", path) // without the lock
		require.NoError(t, err)
		defer l.Close()
		_, err = unixsocket.Listen(path, unixsocket.Options{Mode: 0o600})
		require.EqualError(t, err, "another process serves it")
		require.FileExists(t, path)
	})
	t.Run("datagrams", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "socket")
		l, err := net.ListenPacket("unixgram", path)
		require.NoError(t, err)
		defer l.Close()
		_, err = unixsocket.Listen(path, unixsocket.Options{Mode: 0o600})
		require.EqualError(t, err, "another process receives datagrams there")
		require.FileExists(t, path)
	})
}

// TestPath refuses what can't be a socket in the file system.
func TestPath(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		"":             "is empty",
		"@name":        "abstract socket",
		"@":            "abstract socket",
		"\x00name":     "has a 0 in it",
		"/tmp/a\x00me": "has a 0 in it",
		filepath.Join(dir, strings.Repeat("x", 108-len(dir)-1)): "has 108 bytes, and may have 107",
	} {
		_, err := unixsocket.Listen(path, unixsocket.Options{Mode: 0o600})
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, unixsocket.Check(path), want)
	}
	listen(t, filepath.Join(dir, strings.Repeat("x", 107-len(dir)-1)), unixsocket.Options{Mode: 0o600})
}

// TestLockTaken has a stranger put something else at the path of the lock file.
func TestLockTaken(t *testing.T) {
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"link":      {func(path string) error { return os.Symlink("/etc/hostname", path) }, "too many levels of symbolic links"},
		"pipe":      {func(path string) error { return unix.Mkfifo(path, 0o600) }, "it is not a file"},
		"directory": {func(path string) error { return os.Mkdir(path, 0o700) }, "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			require.NoError(t, test.make(path+".lock"))
			_, err := unixsocket.Listen(path, unixsocket.Options{Mode: 0o600})
			require.ErrorContains(t, err, test.want)
			_, err = os.Lstat(path + ".lock")
			require.NoError(t, err)
		})
	}
	t.Run("left behind", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "socket")
		require.NoError(t, os.WriteFile(path+".lock", nil, 0o600))
		leaveBehind(t, path)
		listen(t, path, unixsocket.Options{Mode: 0o600})
	})
}

// TestReplaced closes a socket in whose place something else is by then.
func TestReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	s, err := unixsocket.Listen(path, unixsocket.Options{Mode: 0o600})
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Remove(path+".lock"))
	second := listen(t, path, unixsocket.Options{Mode: 0o600})
	require.NoError(t, s.Close())
	require.FileExists(t, path)
	require.FileExists(t, path+".lock")
	require.ErrorContains(t, unixsocket.Check(path), "another process serves it")
	require.GreaterOrEqual(t, second.FD(), 0)
}

// TestOthersUmask makes directories while sockets are made, whose umask would leave them without
// the permission to enter.
func TestOthersUmask(t *testing.T) {
	dir := t.TempDir()
	var ended atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer ended.Store(true)
		for range 200 {
			s, err := unixsocket.Listen(filepath.Join(dir, "socket"), unixsocket.Options{Mode: 0o600})
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Error(err)
			}
		}
	})
	for i := 0; !ended.Load(); i++ {
		path := filepath.Join(dir, fmt.Sprint(i))
		require.NoError(t, os.Mkdir(path, 0o700))
		requireMode(t, path, fs.ModeDir|0o700)
	}
	wg.Wait()
}

// TestOneWins has many listen at the same time at the path of a socket that was left behind:
// as goroutines, and many times.
func TestOneWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	for range 300 {
		leaveBehind(t, path)
		var wg sync.WaitGroup
		begin := make(chan struct{})
		sockets := make(chan *unixsocket.Socket, 8)
		for range cap(sockets) {
			wg.Go(func() {
				<-begin
				s, err := unixsocket.Listen(path, unixsocket.Options{Mode: 0o600})
				if err != nil {
					if err.Error() != "another process serves it" {
						t.Error(err)
					}
					return
				}
				sockets <- s
			})
		}
		close(begin)
		wg.Wait()
		require.Len(t, sockets, 1)
		client, err := net.Dial("unix", path)
		require.NoError(t, err)
		require.NoError(t, client.Close())
		require.NoError(t, (<-sockets).Close())
		require.NoFileExists(t, path)
	}
}

// TestOneProcessWins does the same with processes, which begin when the pipe that all of them
// read ends. The winner is killed, so that it leaves its socket and its lock file behind.
func TestOneProcessWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	leaveBehind(t, path)
	for range 10 {
		servers := make([]*server, 12)
		begin, all, err := os.Pipe()
		require.NoError(t, err)
		for i := range servers {
			servers[i] = startServer(t, path, begin)
		}
		require.NoError(t, all.Close())
		won := 0
		for _, s := range servers {
			line := s.line()
			if line == "listens" {
				won++
			} else {
				require.Equal(t, "another process serves it", line)
			}
		}
		require.Equal(t, 1, won)
		for _, s := range servers {
			s.kill()
		}
		require.NoError(t, begin.Close())
		require.NoError(t, unixsocket.Check(path))
		require.FileExists(t, path)
	}
}

// TestUmask has a umask that would leave no permission, also where a thread can't have another
// one.
func TestUmask(t *testing.T) {
	for _, env := range []string{"SECCOMP=", "SECCOMP=1"} {
		t.Run(env, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			begin, all, err := os.Pipe()
			require.NoError(t, err)
			defer begin.Close()
			s := startServer(t, path, begin, env)
			require.NoError(t, all.Close())
			require.Equal(t, "listens", s.line())
			requireMode(t, path, fs.ModeSocket|0o660)
			require.NoError(t, s.cmd.Process.Signal(unix.SIGTERM))
			require.Empty(t, s.line(), "the umask is back")
			require.NoFileExists(t, path)
		})
	}
}
