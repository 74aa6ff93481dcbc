// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/session"
	monitorclient "github.com/cilium/monitor/client"
	"github.com/cilium/monitor/interest"
)

// tellSkipped has a client put what it is told of skipped events among its events, of which next returns so many.
func tellSkipped(t *testing.T, c *monitorclient.Client) (next func(n int) []string) {
	seen := make(chan string, 1000)
	c.OnSkipped(func(events uint64) { seen <- fmt.Sprint("skipped ", events) })
	go func() {
		defer close(seen)
		for e, err := range c.Events() {
			if err != nil {
				seen <- err.Error()
				return
			}
			seen <- string(e.Data)
		}
	}()
	t.Cleanup(func() {
		c.Close()
		for range seen {
		}
	})
	return func(n int) (all []string) {
		for range n {
			all = append(all, <-seen)
		}
		return all
	}
}

// behindSkipped returns the number of skipped events that the client knows of when it gets an event, and that event. It may be
// told of some of them before, once a second.
func behindSkipped(next func(n int) []string) (skipped, event string) {
	for {
		said := next(1)[0]
		if !strings.HasPrefix(said, "skipped ") {
			return skipped, said
		}
		skipped = said
	}
}

// TestSessionSkipped tells clients how many events they do not ask for: those that others want, those that nobody does, and
// those of the history.
func TestSessionSkipped(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA, typeB), 1<<20))
	serveSessions(t, g.fixture)
	next := tellSkipped(t, ask(t, g.fixture, &session.Request{Types: []int{typeA}}))
	all := tellSkipped(t, ask(t, g.fixture, &session.Request{}))
	require.True(t, g.src.write("c1", "b1", "a1"))
	skipped, event := behindSkipped(next)
	require.Equal(t, []string{"skipped 2", "a1"}, []string{skipped, event})
	require.True(t, g.src.write("c2"))
	require.Equal(t, []string{"skipped 3"}, next(1), "within a second, though there is nothing else to tell")
	require.True(t, g.src.write("a2", "a3"))
	require.Equal(t, []string{"a2", "a3"}, next(2), "it is told only what it does not know")
	require.Equal(t, []string{"c1", "b1", "a1", "c2", "a2", "a3"}, all(6), "one that wants everything is told nothing")

	past := tellSkipped(t, ask(t, g.fixture, &session.Request{Types: []int{typeB}, From: session.From{Last: 9}, HistoryOnly: true}))
	require.Equal(t, []string{"b1", "skipped 3", monitorclient.ErrEnd.Error()}, past(3), "of the history, too")
}

// TestSessionSkippedUnmade counts events of user space that nobody asks for, which are not even encoded.
func TestSessionSkippedUnmade(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	next := tellSkipped(t, ask(t, g.fixture, &session.Request{Types: []int{typeA}}))
	require.NoError(t, g.SendEvent(200, "nobody wants it"))
	require.True(t, g.src.write("c1", "c2", "a1"))
	skipped, event := behindSkipped(next)
	require.Equal(t, []string{"skipped 3", "a1"}, []string{skipped, event})
}
