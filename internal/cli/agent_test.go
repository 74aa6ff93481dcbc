// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/testutils"
)

// agentPaths are the paths of a test's own monitor agent.
type agentPaths struct {
	socket, shell, eventsMap string
}

func newAgentPaths(t *testing.T) agentPaths {
	t.Helper()
	requireRoot(t)
	return agentPaths{
		socket:    testutils.SocketPath(t),
		shell:     testutils.SocketPath(t),
		eventsMap: testutils.EventsMapPath(t),
	}
}

// agentProcess is monitor agent with paths of its own.
type agentProcess struct {
	*process
	agentPaths
}

func startAgent(t *testing.T, args ...string) *agentProcess {
	t.Helper()
	a := &agentProcess{agentPaths: newAgentPaths(t)}
	a.process = startMonitor(t, append(a.args(), args...)...)
	a.waitShell()
	return a
}

// waitShell waits until the agent's shell answers.
func (a *agentProcess) waitShell() {
	a.t.Helper()
	waitUntil(a.t, func() bool { return reachShell(a.shell) == nil })
}

// run runs a command in the agent's shell and returns what it prints.
func (a *agentProcess) run(command ...string) string {
	a.t.Helper()
	p := run(a.t, append([]string{"shell", "--shell-sock-path", a.shell}, command...)...)
	p.waitExit(0)
	return p.stdout.String()
}

// clients returns the clients of the agent.
func (a *agentProcess) clients() []agent.ClientStats {
	a.t.Helper()
	var stats agent.Stats
	require.NoError(a.t, json.Unmarshal([]byte(a.run("monitor/status", "-o", "json")), &stats))
	return stats.Clients
}

// args returns the command line of an agent with these paths.
func (a agentPaths) args() []string {
	return []string{
		"agent",
		"--monitor-socket-path", a.socket,
		"--shell-sock-path", a.shell,
		"--monitor-events-map", a.eventsMap,
	}
}

// requireRoot skips tests that run an agent where that is not allowed.
func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: runs an agent")
	}
}

// TestAgentForeignDatapath has an agent wait for a datapath that comes later, and reads
// its events.
func TestAgentForeignDatapath(t *testing.T) {
	a := startAgent(t)
	a.waitStderr("Waiting for a datapath to pin its events map")

	datapath, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer datapath.Close()
	require.NoError(t, datapath.Pin(a.eventsMap))
	a.waitStderr("Attached to the events map")

	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket, "--count", "3")
	for emitted := false; !emitted; {
		require.NoError(t, datapath.EmitTrace(1))
		select {
		case <-w.exited:
			emitted = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	w.waitExit(0)
	require.Regexp(t, `^(out  .* udp: lo\n){3}$`, w.stdout.String())
}

// TestAgentStops shows that nothing is left behind by an agent with a datapath.
func TestAgentStops(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			a := startAgent(t, "--device", "lo", "--deny", "tcp/1@192.0.2.1")
			a.waitStderr("Attached to the events map")
			require.FileExists(t, a.eventsMap)
			a.signal(sig)
			a.waitExit(0)
			require.NoDirExists(t, filepath.Dir(a.eventsMap))
			require.NoFileExists(t, a.socket)
			require.NoFileExists(t, a.shell)
		})
	}
}

// TestAgentSettings gives each setting in a file, in the environment and by flag: the flag
// wins, then the environment.
func TestAgentSettings(t *testing.T) {
	requireRoot(t)
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	config := in("config.yaml")
	require.NoError(t, os.WriteFile(config, []byte(
		"monitor-events-map: "+in("file.map")+"\n"+
			"shell-sock-path: "+in("file.shell")+"\n"+
			"monitor-socket-path: "+in("file.sock")+"\n"), 0o600))

	cmd := program("agent", "--config", config, "--monitor-socket-path", in("flag.sock"))
	cmd.Env = append(cmd.Env,
		"CILIUM_SHELL_SOCK_PATH="+in("env.shell"),
		"CILIUM_MONITOR_SOCKET_PATH="+in("env.sock"))
	a := start(t, cmd)
	waitUntil(t, func() bool { return reachShell(in("env.shell")) == nil })
	c, err := client.Dial(t.Context(), in("flag.sock"))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	a.waitStderr(in("file.map"))
	for _, name := range []string{"file.shell", "file.sock", "env.sock"} {
		require.NoFileExists(t, in(name))
	}
}

// TestAgentFailures shows what a person is told who can't have what was asked for. An agent
// that got as far as to serve something has logged that before.
func TestAgentFailures(t *testing.T) {
	config := func(text string) string {
		path := filepath.Join(t.TempDir(), "config.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	other := startAgent(t)
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"value":         {[]string{"--monitor-queue-size", "-1"}, exitUsage, []string{"--monitor-queue-size=-1", "0 to "}},
		"rule":          {[]string{"--device", "lo", "--deny", "ftp"}, exitUsage, []string{"--deny", `"ftp"`}},
		"device":        {[]string{"--device", "nope0"}, exitFailed, []string{`"nope0"`}},
		"argument":      {[]string{"lo"}, exitUsage, []string{`"lo"`}},
		"no file":       {[]string{"--config", "/nope.yaml"}, exitUsage, []string{"--config=/nope.yaml", "no such file"}},
		"file format":   {[]string{"--config", "/etc/hosts"}, exitUsage, []string{"--config=/etc/hosts"}},
		"key in file":   {[]string{"--config", config("monitor-queue-siz: 1")}, exitUsage, []string{`no setting "monitor-queue-siz"`}},
		"value in file": {[]string{"--config", config("monitor-queue-size: many")}, exitUsage, []string{"--config=", "monitor-queue-size: ", `"many"`}},
		"socket in use": {[]string{"--monitor-socket-path", other.socket}, exitFailed, []string{other.socket, "another process serves it"}},
		"shell in use":  {[]string{"--enable-monitor=false", "--shell-sock-path", other.shell}, exitFailed, []string{other.shell, "another process serves it"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"agent", "--monitor-events-map", testutils.EventsMapPath(t)}, test.args...)
			p := run(t, args...)
			p.requireFailure(test.code, test.want...)
		})
	}
	require.NoError(t, reachShell(other.shell), "the other agent's shell")
}

// TestAgentWithoutRoot runs it as a user without privileges. More privileges are in
// check_test.go.
func TestAgentWithoutRoot(t *testing.T) {
	cmd := program("agent")
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	start(t, cmd).requireFailure(exitFailed, "CAP_BPF, CAP_PERFMON:", "sudo monitor agent", "--check")
}
