// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

// TestShellWatch watches in the agent's shell, until it is interrupted while nothing happens.
func TestShellWatch(t *testing.T) {
	a := startAgent(t)
	status := func() string { return run(t, "status", "--shell-sock-path", a.shell).stdout.String() }
	w := startMonitor(t, "shell", "--shell-sock-path", a.shell, "monitor/watch", "-t", "agent")
	waitUntil(t, func() bool { return strings.Contains(status(), "1 stream,") })
	require.Regexp(t, `(?m)^stream +monitor/watch +- `, status())
	run(t, "shell", "--shell-sock-path", a.shell, "monitor/send", "agent", "hello").waitExit(0)
	w.waitStdout("agent Message: \"hello\"\n")
	w.signal(syscall.SIGINT)
	w.wait()
	waitUntil(t, func() bool { return strings.Contains(status(), "0 streams") })
}

func TestShell(t *testing.T) {
	a := startAgent(t)
	p := run(t, "shell", "--shell-sock-path", a.shell, "monitor/status")
	p.waitExit(0)
	require.Contains(t, p.stdout.String(), a.eventsMap)

	p = run(t, "shell", "--shell-sock-path", a.shell, "nonsense")
	p.waitExit(1)
	require.Contains(t, p.stdout.String(), "nonsense: unknown command")
}

// TestShellArguments has arguments that the shell would split or expand.
func TestShellArguments(t *testing.T) {
	a := startAgent(t)
	w := startMonitor(t, "shell", "--shell-sock-path", a.shell, "monitor/watch", "--not", "--drop-reason", "Policy denied", "--count", "3")
	waitUntil(t, func() bool {
		p := run(t, "status", "--shell-sock-path", a.shell)
		return strings.Contains(p.stdout.String(), "1 stream,")
	})
	run(t, "shell", "--shell-sock-path", a.shell, "monitor/send", "agent", "it's #1, $HOME", "").waitExit(0)
	run(t, "shell", "--shell-sock-path", a.shell, "monitor/send agent 'a whole line'").waitExit(0)
	w.waitExit(0)
	lines := regexp.MustCompile(`(?m)^\S+ agent `).ReplaceAllString(w.stdout.String(), "")
	require.Equal(t, "Message: \"it's #1, $HOME\"\nMessage: \"\"\nMessage: \"a whole line\"\n", strings.TrimRight(lines, "\n")+"\n")
}

// TestNoShell shows that it is said at once if there is no agent.
func TestNoShell(t *testing.T) {
	path := testutils.SocketPath(t)
	for _, command := range []string{"status", "shell"} {
		p := run(t, command, "--shell-sock-path", path)
		p.requireFailure(exitNoAgent, "no monitor agent is running", path, "--monitor-socket-path")
	}
}

// TestShellNotAllowed asks a root's agent as somebody else.
func TestShellNotAllowed(t *testing.T) {
	a := startAgent(t)
	require.NoError(t, os.Chmod(filepath.Dir(a.shell), 0o755))
	for _, command := range []string{"status", "shell"} {
		cmd := program(command, "--shell-sock-path", a.shell)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		start(t, cmd).requireFailure(exitNoAgent, "only root", a.shell)
	}
}
