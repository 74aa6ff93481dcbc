// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

// keep writes events, and waits until the agent has read them.
func (g *guarded) keep(t *testing.T, samples ...string) {
	t.Helper()
	before := g.Stats().Datapath.Events()
	require.True(t, g.src.write(samples...))
	eventually(t, func() bool { return g.Stats().Datapath.Events() == before+uint64(len(samples)) }, "they are read")
}

// flood has the history drop all that it has for other events of a type.
func (g *guarded) flood(t *testing.T, typ string) {
	t.Helper()
	oldest := g.Stats().History.Oldest
	samples := make([]string, 500)
	for n := range samples {
		samples[n] = typ + fmt.Sprintf("%200d", n)
	}
	for last := g.Stats().Datapath.Last; !oldest.After(last); oldest = g.Stats().History.Oldest {
		g.keep(t, samples...)
	}
}

// TestHistoryLossesOfAStream has the history drop what a stream has not read yet: it lags behind by what it wants, and is told
// how much of that is lost, whatever else is gone.
func TestHistoryLossesOfAStream(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA, typeB), agent.MinHistoryBytes))
	for n := range 5 {
		g.keep(t, fmt.Sprint("a", n))
		for m := range 100 {
			g.keep(t, fmt.Sprint("b", m))
		}
	}
	stream, err := g.SubscribeEvents(t.Context(), "reader", agent.StreamOptions{Last: 100, Interest: interest.Types(typeA)})
	require.NoError(t, err)
	stats := func() agent.StreamStats { return g.Stats().Streams[0] }
	require.EqualValues(t, 5, stats().Lag)
	next, stop := iter.Pull(stream)
	defer stop()
	take := func() agent.Event {
		e, ok := next()
		require.True(t, ok)
		return e
	}
	require.Equal(t, "a0", string(take().Data))
	require.Equal(t, "a1", string(take().Data))
	require.EqualValues(t, 4, stats().Lag, "what it is given at once counts once it has taken it")
	g.flood(t, "b")
	require.True(t, g.src.write("a5"))

	e := take()
	require.Equal(t, payload.CPULostByReader, e.CPU)
	require.EqualValues(t, 3, e.Lost)
	require.Equal(t, "a5", string(take().Data))
	require.EqualValues(t, 3, stats().Lost)
	require.EqualValues(t, 2, stats().Delivered)
	eventually(t, func() bool { return stats().Lag <= 1 }, "it has caught up")
	require.EqualValues(t, 3, g.Stats().Lost.StreamBehind)
}

// TestHistoryLossesOfASession has a client that asks for some of a long history and does not read until that is gone: what it gets
// and what it is told that it lost is what it asked for, exactly.
func TestHistoryLossesOfASession(t *testing.T) {
	const batches, wanted = 50, 100
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA, typeB), 4<<20))
	serveSessions(t, g.fixture)
	for range batches {
		samples := make([]string, 0, 2*wanted)
		for n := range wanted {
			samples = append(samples, fmt.Sprintf("a%150d", n), fmt.Sprintf("b%150d", n))
		}
		g.keep(t, samples...)
	}
	c := ask(t, g.fixture, &session.Request{Types: []int{typeA}, From: session.From{Last: 1 << 40}, HistoryOnly: true})
	client := func() agent.ClientStats { return g.Stats().Clients[0] }
	eventually(t, func() bool { return len(g.Stats().Clients) == 1 && client().Delivered > 0 }, "it is written to")
	g.flood(t, "b")
	var events, lost uint64
	for e, err := range c.Events() {
		switch {
		case err != nil:
			require.ErrorContains(t, err, "delivered all")
		case e.Type == payload.RecordLost:
			require.Equal(t, session.LostFromHistory, e.Loss.Cause)
			lost += e.Lost
		default:
			require.EqualValues(t, typeA, e.Data[0])
			events++
		}
	}
	require.NotZero(t, events)
	require.NotZero(t, lost)
	require.EqualValues(t, batches*wanted, events+lost)
}
