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
	patience = time.Minute
	tick     = time.Millisecond
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
	held   chan struct{} // writes wait until it is closed; nil: they do not
}

var errGone = errors.New("the other end is gone")

// Write is what the shell does with output.
func (s *session) Write(b []byte) (int, error) {
	s.mu.Lock()
	held := s.held
	s.mu.Unlock()
	if held != nil {
		<-held
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

// hold makes writes wait until release is called.
func (s *session) hold() (release func()) {
	held := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = held
	return func() {
		s.mu.Lock()
		s.held = nil
		s.mu.Unlock()
		close(held)
	}
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
}

// typed types a line, and waits until the watch that it starts is subscribed.
func typed(t *testing.T, line string) *session {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, stop := context.WithCancel(context.Background())
	s := &session{t: t, stop: stop, agent: agent.NewAgent(ctx, agent.WithLogger(log)), ended: make(chan error, 1)}
	cmds := map[string]script.Cmd{}
	for _, c := range commands.New(s.agent).ScriptCmds {
		cmds[c.Name] = c.Cmd
	}
	state, err := script.NewState(ctx, t.TempDir(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { stop(); <-s.agent.Done() })
	s.engine, s.state = &script.Engine{Cmds: cmds}, state
	go func() { s.ended <- s.engine.ExecuteLine(state, line, s) }()
	require.Eventually(t, func() bool { return len(s.agent.Stats().Listeners) == 1 || len(s.ended) == 1 }, patience, tick)
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
	case <-time.After(patience):
		s.t.Fatal("the watch goes on")
	}
	require.Empty(s.t, s.agent.Stats().Listeners)
}

// TestWatch prints events as they come, up to a number.
func TestWatch(t *testing.T) {
	s := typed(t, "monitor/watch --count 2 -t agent")
	require.Equal(t, "monitor/watch", s.agent.Stats().Listeners[0].Name)
	s.send("one")
	require.Eventually(t, func() bool { return s.output() == ">> Message: \"one\"\n" }, patience, tick, "at once, not at the end")
	s.send("two")
	s.requireEnd()
	require.Equal(t, ">> Message: \"one\"\n>> Message: \"two\"\n", s.output())
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
	release := s.hold()
	s.send("one", "two", "three")
	s.stop()
	release()
	s.requireEnd()
}

// TestWatchTooSlow has a shell that does not read. It holds up nobody, and learns how many
// events it lost.
func TestWatchTooSlow(t *testing.T) {
	s := typed(t, "monitor/watch")
	release := s.hold()
	const n = 10000
	for range n {
		s.send("hello")
	}
	release()
	require.Eventually(t, func() bool { return strings.Contains(s.output(), "\nLost ") }, patience, tick,
		"the losses are told though nothing follows them")
	lines := strings.Split(strings.TrimSpace(s.output()), "\n")
	var lost int
	_, err := fmt.Sscanf(lines[len(lines)-1], "Lost %d events", &lost)
	require.NoError(t, err, lines[len(lines)-1])
	require.Equal(t, n, len(lines)-1+lost)
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
