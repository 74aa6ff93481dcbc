// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

func TestStatus(t *testing.T) {
	a := startAgent(t)
	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	w.waitStderr("Connected to the agent")

	for range 2 { // the connections of the first one do not show in the second one
		p := run(t, "status", "--shell-sock-path", a.shell)
		p.waitExit(0)
		require.Empty(t, p.stderr.String())
		require.Regexp(t, `(?m)^Events map: +`+a.eventsMap+`$`, p.stdout.String())
		require.Regexp(t, `(?m)^Reader: +not attached`, p.stdout.String())
		require.Regexp(t, `(?m)^Rate: +0 events/s, `, p.stdout.String())
		require.Regexp(t, fmt.Sprintf(`(?m)^client +\S+ +1.2 +%d +0 +\d+s +0 +0 +0$`, w.Process.Pid), p.stdout.String())
		require.Regexp(t, `(?m)^monitor-server.server +OK +Serving the monitor API 1.2 on `+a.socket+`$`, p.stdout.String())
		require.Regexp(t, `(?m)^monitor-agent.datapath +Degraded +Waiting for the datapath$`, p.stdout.String())
		require.Regexp(t, `(?m)^shell.job-listener +OK `, p.stdout.String())
		require.NotContains(t, p.stdout.String(), "job-shell")
	}
}

// TestStatusJSON reads the status as a script does.
func TestStatusJSON(t *testing.T) {
	a := startAgent(t)
	p := run(t, "status", "--shell-sock-path", a.shell, "-o", "json")
	p.waitExit(0)
	var stats agent.Stats
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &stats))
	require.Equal(t, a.eventsMap, stats.EventsMap)

	run(t, "status", "--shell-sock-path", a.shell, "-o", "yaml").requireFailure(exitUsage, "--output yaml", "text or json")
}

// TestShellWatch watches in the agent's shell, until it is interrupted while nothing happens.
func TestShellWatch(t *testing.T) {
	a := startAgent(t)
	status := func() string { return run(t, "status", "--shell-sock-path", a.shell).stdout.String() }
	w := startMonitor(t, "shell", "--shell-sock-path", a.shell, "monitor/watch", "-t", "agent")
	require.Eventually(t, func() bool { return strings.Contains(status(), "1 listeners") }, patience, time.Millisecond)
	require.Regexp(t, `(?m)^listener +monitor/watch +1.2 `, status())
	run(t, "shell", "--shell-sock-path", a.shell, "monitor/send", "agent", "hello").waitExit(0)
	w.waitStdout(">> Message: \"hello\"\n")
	w.signal(syscall.SIGINT)
	w.wait()
	require.Eventually(t, func() bool { return strings.Contains(status(), "0 listeners") }, patience, time.Millisecond)
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
