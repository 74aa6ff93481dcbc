// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
)

// clientMemory is the most that the kernel keeps for a client: what SO_SNDBUF allows, and one piece
// more, which is written as long as there is any room.
const clientMemory = 212992 + 40<<10

// TestMaxClients has as many clients as there may be, none of which reads but one, beside others
// that connect again and again. Those are refused, without a byte; the one that reads misses
// nothing, and memory stays within its bounds.
func TestMaxClients(t *testing.T) {
	for name, c := range map[string]struct{ size, batch, batches int }{
		"small events": {200, 100, 200},
		"large events": {32 << 10, 4, 800},
	} {
		t.Run(name, func(t *testing.T) {
			sample := make([]byte, c.size)
			f := attached(t)
			good := f.connect(t)
			before := heap()
			for range agent.DefaultMaxClients - 1 {
				f.dial(t)
			}
			refused := 0
			for range c.batches {
				require.NoError(t, f.gen.EmitSample(sample, c.batch))
				requireRefused(t, f.socket)
				refused++
				eventually(t, func() bool { return good.total() == f.emitted(t) }, "the client that reads gets everything")
			}
			require.Zero(t, good.lost())

			s := f.Stats()
			require.EqualValues(t, refused, s.Refused)
			require.Len(t, s.Clients, agent.DefaultMaxClients)
			require.EqualValues(t, agent.DefaultMaxClients, s.TotalSubscribers.Clients)
			require.LessOrEqual(t, s.QueueMemory, s.QueueBytes)
			require.LessOrEqual(t, heap()-before, s.QueueBytes+8<<20)
			inKernel := socketMemory(t, f.socket)
			require.LessOrEqual(t, inKernel, agent.DefaultMaxClients*clientMemory)
			t.Logf("the log takes %d KiB, sockets' buffers %d KiB", s.QueueMemory>>10, inKernel>>10)
			for _, c := range s.Clients {
				require.Equal(t, s.Accepted, c.Delivered+c.Lost+c.Lag)
			}
		})
	}
}

// TestPlaceIsFreeAgain has a client that leaves make room for another one.
func TestPlaceIsFreeAgain(t *testing.T) {
	f := startServing(t, []agent.ServerOption{agent.WithMaxClients(2)})
	f.dial(t)
	for range 100 {
		conn := f.dial(t)
		requireRefused(t, f.socket)
		require.NoError(t, conn.Close())
		eventually(t, func() bool { return len(f.Stats().Clients) == 1 }, "the client is gone")
	}
}

// TestMaxClientsOfUser has a user other than root connect: to a quarter of the places, so that root
// and others can still connect.
func TestMaxClientsOfUser(t *testing.T) {
	log, lines := test.NewNullLogger()
	log.SetLevel(logrus.WarnLevel)
	f := startServing(t, []agent.ServerOption{agent.WithMaxClients(8)}, agent.WithLogger(log))
	for dir := filepath.Dir(f.socket); dir != os.TempDir(); dir = filepath.Dir(dir) {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	require.NoError(t, os.Chmod(f.socket, 0o666))
	connect := func(uid int) net.Conn {
		conn, err := connectAs(uid, f.socket)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	first := connect(1001)
	connect(1001)
	eventually(t, func() bool { return len(f.Stats().Clients) == 2 }, "two are accepted")
	for range 10 {
		requireEOF(t, connect(1001))
	}
	connect(1002)
	for range 5 {
		f.dial(t)
	}
	requireRefused(t, f.socket)
	require.Len(t, f.Stats().Clients, 8)
	require.EqualValues(t, 11, f.Stats().Refused)

	entries := lines.AllEntries()
	require.Len(t, entries, 1, "one line a minute")
	require.EqualValues(t, 1001, entries[0].Data["uid"])
	require.NoError(t, first.Close())
	eventually(t, func() bool { return len(f.Stats().Clients) == 7 }, "one is gone")
	connect(1001)
	eventually(t, func() bool { return len(f.Stats().Clients) == 8 }, "its place is free")
}

// connectAs connects as another user.
func connectAs(uid int, path string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and end with the thread, which is the user's from now on
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			err = errno
			return
		}
		conn, err = net.Dial("unix", path)
	}()
	<-done
	return conn, err
}

// requireRefused connects, and gets nothing but the end of the connection.
func requireRefused(t testing.TB, path string) {
	t.Helper()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	defer conn.Close()
	requireEOF(t, conn)
}

func requireEOF(t testing.TB, conn net.Conn) {
	t.Helper()
	n, err := conn.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	require.Zero(t, n)
}

// socketMemory returns what the kernel keeps for the clients of the socket at path, which this
// process serves.
func socketMemory(t testing.TB, path string) (sum int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	served := 0
	for _, entry := range fds {
		fd, err := strconv.Atoi(entry.Name())
		require.NoError(t, err)
		name, err := unix.Getsockname(fd)
		if err != nil {
			continue // not a socket
		}
		if unixName, ok := name.(*unix.SockaddrUnix); !ok || unixName.Name != path {
			continue
		}
		n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		if err == unix.EINVAL {
			continue // it listens
		}
		require.NoError(t, err)
		require.LessOrEqual(t, n, clientMemory)
		sum += n
		served++
	}
	require.NotZero(t, served)
	return sum
}
