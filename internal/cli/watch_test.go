// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/testutils"
)

func TestWatchCount(t *testing.T) {
	a := serve(t)
	w := a.startWatch("--count", "2")
	a.send("one", "two", "three")
	w.waitExit(0)
	require.Equal(t, "agent Message: \"one\"\nagent Message: \"two\"\n", w.stdout.String())
}

// TestWatchAtOnce shows that an event does not wait in a buffer for others.
func TestWatchAtOnce(t *testing.T) {
	a := serve(t)
	w := a.startWatch()
	for i := range 3 {
		message := fmt.Sprintf("event-%d", i)
		a.send(message)
		w.waitStdout(message)
	}
}

func TestWatchInterrupted(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			a := serve(t)
			w := a.startWatch("--summary")
			a.send("one", "two")
			w.waitStdout("two")
			w.signal(sig)
			w.waitExit(0)
			require.Equal(t, 2, strings.Count(w.stdout.String(), "\n"), "events only: %s", &w.stdout)
			require.Regexp(t, `\n2 +\d[\d.]*/s  events in total\n$`, w.stderr.String(), "all were shown")
		})
	}
}

func TestWatchFor(t *testing.T) {
	w := start(t, serve(t).watch("--for", "1ms"))
	w.waitExit(0)
	require.Empty(t, w.stdout.String())
}

func TestWatchJSON(t *testing.T) {
	a := serve(t)
	w := a.startWatch("--json", "--count", "1")
	a.send("hello")
	w.waitExit(0)
	var line struct{ Type, Subtype string }
	require.NoError(t, json.Unmarshal([]byte(w.stdout.String()), &line))
	require.Equal(t, "agent", line.Type)
	require.Equal(t, "Message", line.Subtype)
}

// TestWatchFilter has an agent that sends everything: the filter is the client's alone.
func TestWatchFilter(t *testing.T) {
	a := serveOld(t, testutils.SocketPath(t))
	w := a.startWatch("--not", "--type", "agent", "--summary")
	a.send("hello")
	waitUntil(t, func() bool {
		clients := a.Stats().Clients
		return len(clients) == 1 && clients[0].Delivered == 1 && clients[0].Lag == 0
	})
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.Empty(t, w.stdout.String())
	require.Regexp(t, `\n0  0/s  events that matched\n0 of 1 events matched\n$`, w.stderr.String())
}

// TestWatchSummaryJSON shows that programs get the summary behind the last event, with the number of all events.
func TestWatchSummaryJSON(t *testing.T) {
	a := serve(t)
	w := a.startWatch("-o", "json", "--summary", "--count", "1", "--not", "--type", "l7")
	require.NoError(t, a.SendEvent(api.MessageTypeAccessLog, accesslog.LogRecord{}))
	a.send("one")
	w.waitExit(0)
	var event, summary struct {
		Type            string
		Events, Matched int
		Seconds, Rate   float64
		Types           []struct{ Type string }
	}
	lines := json.NewDecoder(strings.NewReader(w.stdout.String()))
	require.NoError(t, lines.Decode(&event))
	require.Equal(t, "agent", event.Type)
	require.NoError(t, lines.Decode(&summary))
	require.Equal(t, "summary", summary.Type)
	require.Equal(t, 2, summary.Events)
	require.Equal(t, 1, summary.Matched)
	require.Equal(t, "agent", summary.Types[0].Type)
	require.Positive(t, summary.Rate)
	require.InEpsilon(t, 1, summary.Rate*summary.Seconds, 0.5)
	require.Contains(t, w.stderr.String(), "\n1 of 2 events matched\n")
}

func TestWatchReconnects(t *testing.T) {
	a := serve(t)
	w := a.startWatch()
	a.send("one")
	a.stop()
	w.waitStderr("Lost the agent: it closed the connection")
	a = serveAt(t, a.socket)
	w.waitStderr("Connected again after ")
	a.waitClients(1)
	a.send("two")
	w.waitStdout("two")
	w.signal(syscall.SIGINT)
	w.waitExit(0)
	require.Equal(t, "agent Message: \"one\"\nagent Message: \"two\"\n", w.stdout.String())
}

// TestWatchInterruptedWithoutAgent stops a watch that waits for the agent to come back.
func TestWatchInterruptedWithoutAgent(t *testing.T) {
	a := serve(t)
	w := a.startWatch()
	a.stop()
	w.waitStderr("Lost the agent")
	w.signal(syscall.SIGINT)
	w.waitExit(0)
}

// TestWatchBrokenPipe closes the pipe that is watched through, as head -1 does. The watch
// ends without another event to write.
func TestWatchBrokenPipe(t *testing.T) {
	a := serve(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd := a.watch()
	cmd.Stdout = w
	watch := a.start(cmd)
	w.Close()
	a.send("one")
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "agent Message: \"one\"\n", line)
	r.Close()
	watch.waitExit(0)
	require.Equal(t, 1, strings.Count(watch.stderr.String(), "\n"), "nothing but the connection: %s", &watch.stderr)
}

// TestWatchFullDisk shows that output which can't be written is an error.
func TestWatchFullDisk(t *testing.T) {
	a := serve(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	cmd := a.watch()
	cmd.Stdout = full
	watch := a.start(cmd)
	a.send("one")
	watch.waitExit(1)
	require.Contains(t, watch.stderr.String(), "Error: write /dev/stdout: no space left on device\n")
}

// TestWatchRefused has more clients than the agent takes: the watch says why it gets nothing, once,
// and gets the events as soon as there is a place for it.
func TestWatchRefused(t *testing.T) {
	a := serve(t)
	var others []*client.Client
	for range agent.DefaultMaxClients {
		c, err := client.DialRequest(t.Context(), a.socket, &session.Request{})
		require.NoError(t, err)
		defer c.Close()
		others = append(others, c)
	}
	a.waitClients(agent.DefaultMaxClients)
	watch := start(t, a.watch())
	watch.waitStderr("The agent refuses this client: it has as many as it takes (its --monitor-max-clients), or is stopping. Trying again\n")
	waitUntil(t, func() bool { return a.Stats().Refused >= 3 })
	require.NoError(t, others[0].Close())
	watch.waitStderr("Connected to the agent")
	a.waitClients(agent.DefaultMaxClients)
	a.send("one")
	watch.waitStdout("one")
	require.Equal(t, 1, strings.Count(watch.stderr.String(), "refuses"))
}

// TestWatchSlowPipe stalls a watch. Another client gets everything meanwhile, and the watch
// learns of each event that it missed.
func TestWatchSlowPipe(t *testing.T) {
	const events = 20_000
	a := serve(t, agent.WithQueueSize(events/10))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd := a.watch("--json")
	cmd.Stdout = w
	a.start(cmd)
	w.Close()

	other, err := client.Dial(t.Context(), a.socket)
	require.NoError(t, err)
	defer other.Close()
	a.waitClients(2)
	const batch = 100
	for range events / batch {
		for range batch {
			a.send("a line of the watch, which nobody reads for now")
		}
		received := 0
		for pl, err := range other.Payloads() {
			require.NoError(t, err)
			require.Zero(t, pl.Lost)
			if received++; received == batch {
				break
			}
		}
	}

	clients := a.Stats().Clients
	require.Len(t, clients, 2)
	require.NotZero(t, clients[0].Lag, "the watch is behind")
	sum := 0
	for lines := bufio.NewScanner(r); sum < events && lines.Scan(); {
		var line struct {
			Type string
			Lost int
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		if line.Type == "agent" {
			sum++
		} else {
			sum += line.Lost
		}
	}
	require.Equal(t, events, sum)
}

func TestWatchFailures(t *testing.T) {
	socket := testutils.SocketPath(t)
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"no agent":          {[]string{"--monitor-socket-path", socket, "--for", "200ms"}, exitNoAgent, []string{"no monitor agent is running", socket, "--monitor-socket"}},
		"typo":              {[]string{"--type", "dorp"}, exitUsage, []string{`"dorp"`, `did you mean "drop"?`, "monitor watch --help"}},
		"impossible filter": {[]string{"--type", "drop", "--verdict", "deny"}, exitUsage, []string{"no event can match"}},
		"unknown flag":      {[]string{"--tpye", "drop"}, exitUsage, []string{`unknown flag: --tpye; did you mean "--type"?`, "monitor watch --help"}},
		"flag nobody knows": {[]string{"--frobnicate"}, exitUsage, []string{"unknown flag: --frobnicate (see"}},
		"shorthand":         {[]string{"-q"}, exitUsage, []string{"'q'", "monitor watch --help"}},
		"argument":          {[]string{"drop"}, exitUsage, []string{`"drop"`}},
		"color":             {[]string{"--color", "yes"}, exitUsage, []string{"--color", "auto, always or never"}},
		"count":             {[]string{"--count", "-1"}, exitUsage, []string{"--count -1"}},
		"for":               {[]string{"--for", "-1s"}, exitUsage, []string{"--for -1s"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, append([]string{"watch"}, test.args...)...)
			p.requireFailure(test.code, test.want...)
		})
	}
}
