// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

func TestStatus(t *testing.T) {
	a := startAgent(t)
	w := startMonitor(t, "watch", "--monitor-socket", a.socket)
	w.waitStderr("Connected to the agent")

	for range 2 { // the connections of the first one do not show in the second one
		p := run(t, "status", "--shell-sock-path", a.shell)
		p.waitExit(0)
		require.Empty(t, p.stderr.String())
		require.Regexp(t, `(?m)^Events map: +`+a.eventsMap+`$`, p.stdout.String())
		require.Regexp(t, `(?m)^Reader: +not attached`, p.stdout.String())
		require.Regexp(t, `(?m)^monitor.datapath +Degraded +Waiting for the datapath$`, p.stdout.String())
		require.Regexp(t, `(?m)^shell.job-listener +OK `, p.stdout.String())
		require.NotContains(t, p.stdout.String(), "job-shell")
	}
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

// TestNoShell shows that it is said at once if there is no agent.
func TestNoShell(t *testing.T) {
	path := testutils.SocketPath(t)
	for _, command := range []string{"status", "shell"} {
		p := run(t, command, "--shell-sock-path", path)
		p.requireFailure("no monitor agent is running", path, "--shell-sock-path")
	}
}

// TestShellNotAllowed asks a root's agent as somebody else.
func TestShellNotAllowed(t *testing.T) {
	a := startAgent(t)
	require.NoError(t, os.Chmod(filepath.Dir(a.shell), 0o755))
	for _, command := range []string{"status", "shell"} {
		cmd := program(command, "--shell-sock-path", a.shell)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		start(t, cmd).requireFailure("only root", a.shell)
	}
}
