// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// wants returns what the only client asks for.
func (a *testAgent) wants() string {
	a.t.Helper()
	clients := a.Stats().Clients
	require.Len(a.t, clients, 1)
	return clients[0].Wants
}

// TestWatchAsksForLess has an agent send no more than what is printed, and tell how much else there is.
func TestWatchAsksForLess(t *testing.T) {
	a := serve(t)
	w := a.startWatch("-t", "agent", "--summary", "-o", "json")
	require.Equal(t, "agent", a.wants())
	for range 3 {
		require.NoError(t, a.SendEvent(api.MessageTypeAccessLog, accesslog.LogRecord{}))
	}
	a.send("one")
	w.waitStdout("one")
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.Contains(t, w.stdout.String(), `"events":4,"matched":1`)
	require.True(t, strings.HasSuffix(w.stderr.String(), "\n1 of 4 events matched\n"), w.stderr.String())
}

// TestWatchAsksForNothingElse has no other events: that there were none of these either is told.
func TestWatchAsksForNothingElse(t *testing.T) {
	a := serve(t)
	w := a.startWatch("-t", "drop")
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.True(t, strings.HasSuffix(w.stderr.String(), "\n0 events matched\n"), w.stderr.String())
}

// TestWatchRecordsAll asks for all that is recorded, whatever is printed.
func TestWatchRecordsAll(t *testing.T) {
	a := serve(t)
	file := t.TempDir() + "/all"
	w := a.startWatch("-t", "drop", "--record", file)
	require.Empty(t, a.wants())
	a.send("one")
	waitUntil(t, func() bool {
		recorded, err := os.ReadFile(file)
		require.NoError(t, err)
		return strings.Contains(string(recorded), "one")
	})
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.Contains(t, w.stderr.String(), "Recorded 1 event in")
	require.Contains(t, run(t, "watch", "--read", file).stdout.String(), `agent Message: "one"`)
}

// serveNamed is an agent with a dictionary.
func serveNamed(t *testing.T, d *session.Dictionary, opts ...agent.Option) *testAgent {
	a := serveOld(t, testutils.SocketPath(t), opts...)
	require.NoError(t, agent.ServeSessions(a.Agent, agent.WithSocketPath(session.SocketPath(a.socket)),
		agent.WithDictionary(func() *session.Dictionary { return d })))
	return a
}

// TestWatchNamesOfTheAgent has an agent with words of its own: filters and lines take them, and it is asked by their numbers.
func TestWatchNamesOfTheAgent(t *testing.T) {
	names := recording.Vocabulary()
	names.MessageTypes[200], names.DropReasons[250] = "flow-log", "Out of luck"
	a := serveNamed(t, &session.Dictionary{Names: names})
	w := a.startWatch("-t", "flow-log", "--count", "1")
	require.Equal(t, "unknown(200)", a.wants(), "this process has no name of it")
	require.NoError(t, a.SendEvent(200, "what the flow was"))
	w.waitExit(0)
	require.Contains(t, w.stdout.String(), "flow-log")

	w = a.startWatch("--drop-reason", "out of luck")
	require.Contains(t, a.wants(), "drop reasons 250")
	w.signal(syscall.SIGINT)
	w.waitExit(0)

	run(t, "watch", "--monitor-socket-path", a.socket, "-t", "flow-lgo").requireFailure(exitUsage, `"flow-lgo"`, `did you mean "flow-log"?`)
}

// TestWatchDenyRules has an agent with deny rules: the verdicts that say which rule a drop is of are asked for with the drops, live
// and of the history.
func TestWatchDenyRules(t *testing.T) {
	ns := loopback(t)
	var a *agentProcess
	ns.Do(func() error {
		a = startAgent(t, "--device", "lo", "--deny", "udp/9", "--deny", "udp/19", "--history", "drop,policy-verdict")
		return nil
	})
	a.waitStderr("Attached to the events map")
	watch := func(args ...string) *exec.Cmd {
		return program(append([]string{"watch", "--monitor-socket-path", a.socket, "-t", "drop", "--timestamps", "none"}, args...)...)
	}
	live := start(t, watch("--count", "2"))
	live.waitStderr("Connected to the agent")
	require.Equal(t, "drop, policy-verdict, kernel-drop", a.clients()[0].Wants)
	ns.deniedUDP("9")
	ns.deniedUDP("19")
	live.waitExit(0)
	require.Regexp(t, `^DROP \S+ -> 127\.0\.0\.1:9 udp: .*, rule udp/9\nDROP \S+ -> 127\.0\.0\.1:19 udp: .*, rule udp/19\n$`, live.stdout.String())

	ns.deniedUDP("9")
	last := start(t, watch("--last", "2", "--until", "0s"))
	last.waitExit(0)
	require.Regexp(t, `^DROP .*, rule udp/19\nDROP .*, rule udp/9\n$`, last.stdout.String())
	require.Contains(t, last.stderr.String(), "2 of 5 events matched")
	since := start(t, watch("--since", "10m", "--count", "3"))
	since.waitExit(0)
	require.Equal(t, 3, strings.Count(since.stdout.String(), ", rule udp/"))

	file := t.TempDir() + "/all"
	recorded := start(t, watch("--record", file, "--since", "10m", "--count", "3"))
	recorded.waitExit(0)
	require.Equal(t, since.stdout.String(), recorded.stdout.String())
	require.Equal(t, since.stdout.String(), run(t, "watch", "--read", file, "-t", "drop", "--timestamps", "none").stdout.String())
	a.signal(syscall.SIGTERM)
	a.waitExit(0)
}

// TestWatchFromHistory prints what an agent has of the past, and what is lost of it is said to be.
func TestWatchFromHistory(t *testing.T) {
	a := serveAt(t, testutils.SocketPath(t), agent.WithHistory(interest.Types(api.MessageTypeAgent), 1<<20))
	a.send("one", "two", "three")
	waitUntil(t, func() bool { return a.Stats().History.Payloads == 3 })
	w := start(t, a.watch("-t", "agent", "--last", "2", "--until", "0s"))
	w.waitExit(0)
	require.Equal(t, "agent Message: \"two\"\nagent Message: \"three\"\n", w.stdout.String())
	require.Contains(t, w.stderr.String(), "\n2 events matched\n")
}

// TestDefaultHistory has an agent without flags for it keep what is dropped while nobody is there, and nothing else; and one that is
// told not to.
func TestDefaultHistory(t *testing.T) {
	ns := loopback(t)
	var a *agentProcess
	ns.Do(func() error {
		a = startAgent(t, "--device", "lo", "--deny", "udp/9")
		return nil
	})
	a.waitStderr("Attached to the events map")
	ns.deniedUDP("9")
	var status string
	waitUntil(t, func() bool {
		status = run(t, "status", "--shell-sock-path", a.shell).stdout.String()
		return strings.Contains(status, "drop 1")
	})
	require.Regexp(t, `(?m)^Reader: +reading .*, for the history only$`, status)
	require.Regexp(t, `(?m)^Datapath events: +2 \(drop 1, policy-verdict 1\)`, status, "no traces")
	require.Regexp(t, `(?m)^History: +\d+ events since .*; it keeps drop, policy-verdict, kernel-drop, agent in 16\.8 MB$`, status)
	w := run(t, "watch", "--monitor-socket-path", a.socket, "-t", "drop", "--last", "1", "--until", "0s", "--timestamps", "none")
	require.Regexp(t, `^DROP .* -> 127\.0\.0\.1:9 udp: .*, rule udp/9\n$`, w.stdout.String())

	none := startAgent(t, "--monitor-events-map", a.eventsMap, "--history", "none")
	require.Regexp(t, `(?m)^History: +none is kept$`, run(t, "status", "--shell-sock-path", none.shell).stdout.String())
}
