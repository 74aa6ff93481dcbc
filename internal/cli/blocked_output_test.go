// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// blockedOutputs are what a watch can have as its output that takes nothing, since nobody reads.
var blockedOutputs = map[string]func(t *testing.T) *os.File{
	"pipe":     func(t *testing.T) *os.File { _, w := fullPipe(t); return w },
	"fifo":     func(t *testing.T) *os.File { _, w := fullFIFO(t); return w },
	"socket":   fullSocket,
	"terminal": stoppedTerminal,
}

func fullPipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	return r, fill(t, r, w)
}

func fullFIFO(t *testing.T) (path string, w *os.File) {
	path = fifo(t)
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	require.NoError(t, err)
	w, err = os.OpenFile(path, os.O_WRONLY, 0)
	require.NoError(t, err)
	return path, fill(t, r, w)
}

func fifo(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(path, 0o600))
	return path
}

func fullSocket(t *testing.T) *os.File {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	return fill(t, os.NewFile(uintptr(fds[0]), "reader"), os.NewFile(uintptr(fds[1]), "writer"))
}

// stoppedTerminal returns a terminal at which somebody has pressed Ctrl-S.
func stoppedTerminal(t *testing.T) *os.File {
	_, w := terminal(t)
	require.NoError(t, unix.IoctlSetInt(int(w.Fd()), unix.TCXONC, unix.TCOOFF))
	return w
}

// terminal returns a terminal, and what shows what is written to it.
func terminal(t *testing.T) (r, w *os.File) {
	r, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(r.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(r.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	w, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// fill writes to w until that would block, and keeps both ends open.
func fill(t *testing.T, r, w *os.File) *os.File {
	t.Helper()
	t.Cleanup(func() { r.Close(); w.Close() })
	fd := int(w.Fd())
	require.NoError(t, unix.SetNonblock(fd, true))
	for size := 4096; size > 0; {
		if _, err := unix.Write(fd, make([]byte, size)); err != nil {
			require.True(t, errors.Is(err, unix.EAGAIN), "%v", err)
			size /= 2
		}
	}
	require.NoError(t, unix.SetNonblock(fd, false))
	return w
}

// TestBlockedOutput ends watches whose output is blocked, in each way that ends a watch.
func TestBlockedOutput(t *testing.T) {
	for name, blocked := range blockedOutputs {
		for end, args := range map[string][]string{
			"count":  {"--count", "1"},
			"for":    {"--for", "100ms"},
			"Ctrl-C": nil,
		} {
			t.Run(name+"/"+end, func(t *testing.T) {
				a := serve(t)
				cmd := a.watch(append(args, "--summary")...)
				cmd.Stdout = blocked(t)
				w := start(t, cmd)
				if end != "for" {
					a.waitClients(1)
					a.send("one")
				}
				if end == "Ctrl-C" {
					waitUntil(t, func() bool { return a.Stats().Clients[0].Delivered == 1 })
					w.signal(syscall.SIGINT)
				}
				w.wait()
				if strings.Contains(w.stderr.String(), "Connected to the agent") { // else the time was over before
					require.Contains(t, w.stderr.String(), " events in total\n")
				}
				if end == "count" || strings.Contains(w.stderr.String(), "1  events in total") { // Ctrl-C can come before the event
					require.Equal(t, exitFailed, w.ProcessState.ExitCode())
					require.Contains(t, w.stderr.String(), "Error: write /dev/stdout: nobody reads it")
				}
			})
		}
	}
}

// TestBlockedMessages ends a watch whose output and messages go to the same pipe, which is full.
func TestBlockedMessages(t *testing.T) {
	a := serve(t)
	_, pipe := fullPipe(t)
	cmd := a.watch("--for", "100ms", "--summary")
	cmd.Stdout, cmd.Stderr = pipe, pipe
	start(t, cmd).waitExit(0)
}

// TestSlowOutput writes all to a reader that takes its time: until the watch has to stop, it waits.
func TestSlowOutput(t *testing.T) {
	r, pipe := fullPipe(t)
	cmd := program("watch", "--read", recordingOf(t, message("one"), message("two")))
	cmd.Stdout = pipe
	w := start(t, cmd)
	select {
	case <-w.exited:
		require.Fail(t, "it ended without its output")
	case <-time.After(3 * stallTimeout):
	}
	pipe.Close()
	var last []byte
	buf := make([]byte, 1<<20)
	for {
		n, err := r.Read(buf)
		if n == 0 || err != nil {
			break
		}
		last = append(last, buf[:n]...)
	}
	w.waitExit(0)
	require.Contains(t, string(last), "\x00"+twoEvents)
}

// TestBlockedFiles ends watches of which a file is a named pipe that nobody reads or writes.
func TestBlockedFiles(t *testing.T) {
	for _, flag := range []string{"--record", "--write"} {
		t.Run(flag+" unopened", func(t *testing.T) {
			a := serve(t)
			w := start(t, a.watch(flag, fifo(t), "--for", "100ms"))
			w.waitExit(0)
			require.Regexp(t, `^Nobody reads the named pipe \S+ yet: waiting for a reader, Ctrl-C stops\n$`, w.stderr.String())
		})
		t.Run(flag+" full", func(t *testing.T) {
			a := serve(t)
			path, _ := fullFIFO(t)
			w := start(t, a.watch(flag, path, "--for", "100ms"))
			w.waitExit(exitFailed)
			require.Contains(t, w.stderr.String(), path+": nobody reads it")
		})
	}
	t.Run("--read", func(t *testing.T) {
		startMonitor(t, "watch", "--read", fifo(t), "--for", "100ms").waitExit(0)
	})
}

// TestRecordIntoFIFO records for a reader that comes later, and gets all.
func TestRecordIntoFIFO(t *testing.T) {
	a := serve(t)
	path := fifo(t)
	w := start(t, a.watch("--record", path, "--count", "2"))
	reader := startMonitor(t, "watch", "--read", path)
	a.waitClients(1)
	a.send("one", "two")
	w.waitExit(0)
	reader.waitExit(0)
	require.Equal(t, twoEvents, reader.stdout.String())
}
