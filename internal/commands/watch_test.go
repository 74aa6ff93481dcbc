// SPDX-License-Identifier: Apache-2.0

package commands_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/hive/script"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/commands"
)

const (
	queueSize = 1000
	timeout   = time.Minute
	tick      = time.Millisecond
)

// session is a person at hive's shell, who has typed a line.
type session struct {
	t     *testing.T
	agent *agent.Agent
	stop  context.CancelFunc // of the agent
	ended chan error

	engine *script.Engine
	state  *script.State // used by the line that was typed, until that has ended

	mu     sync.Mutex // guards what follows
	screen bytes.Buffer
	gone   bool
	block  chan struct{} // writes wait until it is closed; nil: they do not
}

var errGone = errors.New("the other end is gone")

// Write is what the shell does with output.
func (s *session) Write(b []byte) (int, error) {
	s.mu.Lock()
	block := s.block
	s.mu.Unlock()
	if block != nil {
		<-block
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return 0, errGone
	}
	return s.screen.Write(b)
}

func (s *session) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// blockWrites makes writes wait until release is called.
func (s *session) blockWrites() (release func()) {
	block := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.block = block
	return func() {
		s.mu.Lock()
		s.block = nil
		s.mu.Unlock()
		close(block)
	}
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
}

// typed types a line, and waits until the watch that it starts is subscribed.
func typed(t *testing.T, line string, opts ...agent.Option) *session {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, stop := context.WithCancel(context.Background())
	s := &session{t: t, stop: stop, ended: make(chan error, 1)}
	s.agent = agent.NewAgent(ctx, append(opts, agent.WithLogger(log), agent.WithQueueSize(queueSize))...)
	cmds := map[string]script.Cmd{}
	for _, c := range commands.New(commands.Params{Agent: s.agent}).ScriptCmds {
		cmds[c.Name] = c.Cmd
	}
	state, err := script.NewState(ctx, t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { stop(); <-s.agent.Done() })
	s.engine, s.state = &script.Engine{Cmds: cmds}, state
	go func() { s.ended <- s.engine.ExecuteLine(state, line, s) }()
	require.Eventually(t, func() bool { return len(s.agent.Stats().Streams) == 1 || len(s.ended) == 1 }, timeout, tick)
	return s
}

// run runs a command and returns what it prints.
func (s *session) run(line string) string {
	s.t.Helper()
	before := len(s.output())
	require.NoError(s.t, s.engine.ExecuteLine(s.state, line, s))
	return s.output()[before:]
}

func (s *session) send(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		require.NoError(s.t, s.agent.SendEvent(api.MessageTypeAgent, api.GenericMessage(text)))
	}
}

func (s *session) requireEnd() {
	s.t.Helper()
	select {
	case err := <-s.ended:
		require.NoError(s.t, err)
	case <-time.After(timeout):
		s.t.Fatal("the watch goes on")
	}
	require.Empty(s.t, s.agent.Stats().Streams)
}

// withoutTime returns a line without the time before it.
func withoutTime(line string) string {
	_, line, _ = strings.Cut(line, " ")
	return line
}

// TestWatch prints events as they come, up to a number.
func TestWatch(t *testing.T) {
	s := typed(t, "monitor/watch --count 2 -t agent")
	require.Equal(t, "monitor/watch", s.agent.Stats().Streams[0].Name)
	s.send("one")
	require.Eventually(t, func() bool { return withoutTime(s.output()) == "agent Message: \"one\"\n" }, timeout, tick, "at once, not at the end")
	s.send("two")
	s.requireEnd()
	require.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} agent Message: "one"\n\d\d:\d\d:\d\d\.\d{3} agent Message: "two"\n$`, s.output())
}

func TestWatchJSON(t *testing.T) {
	s := typed(t, "monitor/watch --json --count 1")
	s.send("one")
	s.requireEnd()
	require.JSONEq(t, `{"type":"agent","subtype":"Message","message":"one"}`, s.output())
}

// TestWatchInterrupted has the other end of the shell go away while there are no events: the
// watch notices without one, so that the datapath does not write for nobody.
func TestWatchInterrupted(t *testing.T) {
	s := typed(t, "monitor/watch")
	s.leave()
	s.requireEnd()
}

// TestWatchAgentStops prints what the agent had until it stopped.
func TestWatchAgentStops(t *testing.T) {
	s := typed(t, "monitor/watch")
	release := s.blockWrites()
	s.send("one", "two", "three")
	s.stop()
	release()
	s.requireEnd()
}

// TestWatchTooSlow has a shell that does not read. It holds up nobody, and learns how many
// events it lost.
func TestWatchTooSlow(t *testing.T) {
	s := typed(t, "monitor/watch")
	release := s.blockWrites()
	const n = 10 * queueSize
	for range n {
		s.send("hello")
	}
	release()
	s.send("the last one")
	require.Eventually(t, func() bool { return strings.Contains(s.output(), "the last one") }, timeout, tick)
	lost := 0
	for line := range strings.Lines(s.output()) {
		var n int
		if _, err := fmt.Sscanf(withoutTime(line), "Lost %d events", &n); err == nil {
			lost += n
		}
	}
	require.NotZero(t, lost)
	require.Equal(t, n+1, strings.Count(s.output(), "Message")+lost)
	require.EqualValues(t, lost, s.agent.Stats().Streams[0].Lost)
	s.leave()
	s.requireEnd()
}

func TestWatchRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"monitor/watch -t nonsense":                    "nonsense",
		"monitor/watch --not":                          "--not needs a filter flag",
		"monitor/watch what":                           "usage",
		"monitor/send trace text":                      "events of type trace come from the datapath",
		"monitor/subscribers -o yaml":                  "it is text or json",
		"monitor/send agent":                           "usage",
		"monitor/status --over forever":                "invalid",
		"monitor/watch --type drop --drop-reason nope": "nope",
	} {
		s := typed(t, line)
		require.ErrorContains(t, <-s.ended, want, line)
	}
}
