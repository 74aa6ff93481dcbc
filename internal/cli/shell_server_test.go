// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/hive/shell"
	"github.com/stretchr/testify/require"
)

// TestShellHiveClient uses the client of hive's library.
func TestShellHiveClient(t *testing.T) {
	a := startAgent(t)
	cfg := shell.Config{ShellSockPath: a.shell}
	var out strings.Builder
	require.NoError(t, shell.ShellExchange(cfg, &out, "%s", "exec echo hello"))
	require.Equal(t, "hello\n\n", out.String())
	require.EqualError(t, shell.ShellExchange(cfg, &out, "nonsense"), "<stdin>:0: nonsense: unknown command")
	require.NoError(t, shell.ShellExchange(cfg, &out, "help -a monitor/sta"))
	require.Contains(t, out.String(), "monitor/status")
}

// TestShellConnection sends several commands through one connection.
func TestShellConnection(t *testing.T) {
	a := startAgent(t)
	conn, err := net.Dial("unix", a.shell)
	require.NoError(t, err)
	defer conn.Close()
	lines := bufio.NewScanner(conn)
	ask := func(command string) (last string) {
		t.Helper()
		_, err := fmt.Fprintln(conn, command)
		require.NoError(t, err)
		for lines.Scan() {
			last = lines.Text()
			if strings.HasSuffix(last, shellEnd) || strings.HasSuffix(last, shellError) {
				return last
			}
		}
		return "closed"
	}
	require.Equal(t, shellEnd, ask("health"))
	require.Equal(t, "<stdin>:0: nonsense: unknown command"+shellError, ask("nonsense"))
	require.Equal(t, shellEnd, ask(""))
	seconds := fmt.Sprintf("1000.%d", os.Getpid()) // of nobody else
	require.Equal(t, shellEnd, ask("exec sleep "+seconds+" &"))
	sleeping := func() bool { return len(processesWith(t, "sleep\x00"+seconds+"\x00")) > 0 }
	waitUntil(t, sleeping)
	require.Contains(t, ask("exec "+strings.Repeat("x", 1<<16)), "the command is too long")
	require.False(t, lines.Scan(), "the rest of it is no command")
	waitUntil(t, func() bool { return !sleeping() }, "what ran in the background has ended")
}

// TestShellSocketMode has a umask that would let everybody connect.
func TestShellSocketMode(t *testing.T) {
	paths := newAgentPaths(t)
	old := syscall.Umask(0)
	p := startMonitor(t, paths.args()...)
	syscall.Umask(old)
	waitUntil(t, func() bool { return reachShell(paths.shell) == nil })
	for path, mode := range map[string]fs.FileMode{paths.shell: 0o600, paths.socket: 0o660} {
		info, err := os.Lstat(path)
		require.NoError(t, err)
		require.Equal(t, fs.ModeSocket|mode, info.Mode())
	}
	p.signal(syscall.SIGTERM)
	p.waitExit(0)
	for _, path := range []string{paths.shell, paths.socket} {
		left, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		require.Empty(t, left)
	}
}

// TestOneAgentWins starts agents at the same time on the same sockets, which one that was killed
// left behind.
func TestOneAgentWins(t *testing.T) {
	first := startAgent(t)
	first.signal(syscall.SIGKILL)
	first.wait()
	for _, args := range [][]string{nil, {"--enable-monitor=false"}} { // both sockets, that of the shell alone
		var all []*process
		for range 6 {
			all = append(all, startMonitor(t, append(first.args(), args...)...))
		}
		running := func() (running []*process) {
			for _, p := range all {
				select {
				case <-p.exited:
				default:
					running = append(running, p)
				}
			}
			return running
		}
		waitUntil(t, func() bool { return len(running()) == 1 })
		winner := running()[0]
		for _, p := range all {
			if p != winner {
				p.requireFailure(exitFailed, "another process serves it")
			}
		}
		waitUntil(t, func() bool { return reachShell(first.shell) == nil })
		winner.signal(syscall.SIGKILL)
		winner.wait()
	}
}

// TestShellOutOfDescriptors has the agent run out of file descriptors while the shell is used.
func TestShellOutOfDescriptors(t *testing.T) {
	a := startAgent(t)
	restore := a.limitDescriptors(0)
	conn, err := net.Dial("unix", a.shell)
	require.NoError(t, err)
	defer conn.Close()
	a.waitStderr(`Accepting connections failed; it is tried again`)
	run(t, "status", "--probe", "--shell-sock-path", a.shell).requireFailure(exitFailed, "no answer within 5s")
	restore()

	var p *process
	waitUntil(t, func() bool {
		p = run(t, "status", "--shell-sock-path", a.shell)
		return p.ProcessState.ExitCode() == 0
	})
	require.Regexp(t, `(?m)^shell +OK +Serving the shell on `, p.stdout.String())
	require.Equal(t, 1, strings.Count(a.stderr.String(), "Accepting connections failed"))
}
