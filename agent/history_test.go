// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// take returns the next n events of a stream, as text.
func take(t *testing.T, f *guarded, n int, opts agent.StreamOptions) (got []string) {
	t.Helper()
	stream, err := f.SubscribeEvents(t.Context(), "reader", opts)
	require.NoError(t, err)
	if n == 0 {
		return nil
	}
	for e := range stream {
		text := string(e.Data)
		if e.Type == payload.RecordLost {
			text = fmt.Sprint("lost ", e.Lost)
		}
		if got = append(got, text); len(got) == n {
			return got
		}
	}
	return got
}

// TestHistory keeps events of two types for those who come later: they get the last ones, or those since a
// time, of what they want, and then what comes.
func TestHistory(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA, typeB), 1<<20))
	require.NotNil(t, g.State(), "the agent subscribes itself")
	counted := func(n int) {
		t.Helper()
		eventually(t, func() bool { return g.Stats().History.Payloads == n }, "the history has %d", n)
	}
	require.True(t, g.src.write("a1", "c1", "b1"))
	require.True(t, g.src.lose(3))
	counted(3)
	require.True(t, g.src.write("a2", "c2"))
	counted(4)
	require.EqualValues(t, 2, g.Stats().Unwanted)
	between := time.Now()
	require.True(t, g.src.write("b2", "a3"))
	counted(6)

	require.Equal(t, []string{"a1", "b1", "lost 3", "a2", "b2", "a3"}, take(t, g, 6, agent.StreamOptions{Last: 1000}))
	require.Equal(t, []string{"b2", "a3"}, take(t, g, 2, agent.StreamOptions{Last: 2}))
	require.Equal(t, []string{"a2", "a3"}, take(t, g, 2, agent.StreamOptions{Last: 2, Interest: interest.Types(typeA)}))
	require.Equal(t, []string{"b1", "lost 3", "b2"}, take(t, g, 3, agent.StreamOptions{Last: 2, Interest: interest.Types(typeB)}))
	require.Equal(t, []string{"b2", "a3"}, take(t, g, 2, agent.StreamOptions{Since: between}))
	require.Equal(t, []string{"a3"}, take(t, g, 1, agent.StreamOptions{Since: between, Last: 1}))
	require.Equal(t, []string{"a3"}, take(t, g, 1, agent.StreamOptions{Since: between, Interest: interest.Types(typeA)}))

	stream, err := g.SubscribeEvents(t.Context(), "reader", agent.StreamOptions{Last: 1})
	require.NoError(t, err)
	require.True(t, g.src.write("c3", "a4"))
	var got []string
	for e := range stream {
		require.WithinRange(t, e.Time, between, time.Now())
		if got = append(got, string(e.Data)); len(got) == 3 {
			break
		}
	}
	require.Equal(t, []string{"a3", "c3", "a4"}, got, "from the history, then what comes")

	history := g.Stats().History
	require.Equal(t, 1<<20, history.Bytes)
	require.LessOrEqual(t, history.Memory, history.Bytes)
	require.Equal(t, "unknown(97), unknown(98)", history.Wants)
	require.WithinRange(t, history.Oldest, time.Now().Add(-timeout), between)
}

// TestPast reads what the history has, and no more: all of it, the last ones of those that match, or nothing.
func TestPast(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 1<<20))
	require.NotNil(t, g.State())
	all := func(opts agent.StreamOptions) (got []string) {
		t.Helper()
		opts.Past = true
		stream, err := g.SubscribeEvents(t.Context(), "reader", opts)
		require.NoError(t, err)
		require.True(t, g.src.write("later"))
		for e := range stream {
			got = append(got, string(e.Data))
		}
		return got
	}
	require.Empty(t, all(agent.StreamOptions{Last: 10}), "there was nothing yet")
	eventually(t, func() bool { return g.Stats().History.Payloads == 1 }, "there is")
	require.True(t, g.src.write("a1", "b1", "a2", "b2", "a3", "b3"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 7 }, "all are there")
	require.Equal(t, []string{"a2", "a3"}, all(agent.StreamOptions{
		Last: 2, Match: func(e agent.Event) bool { return e.Data[0] == 'a' },
	}))
	eventually(t, func() bool { return g.Stats().History.Payloads == 8 }, "and one more")
	require.Equal(t, []string{"a3", "later"}, all(agent.StreamOptions{
		Last: 2, Interest: interest.Types('a', 'l'),
	}))
	require.Empty(t, all(agent.StreamOptions{}), "nothing of the past is asked for")
	require.Empty(t, g.Stats().Streams)
}

// TestNoHistory asks an agent for what it does not have: it begins now.
func TestNoHistory(t *testing.T) {
	g := newGuarded(t)
	stream, err := g.SubscribeEvents(t.Context(), "reader", agent.StreamOptions{Last: 5})
	require.NoError(t, err)
	require.True(t, g.src.write("a1"))
	for e := range stream {
		require.Equal(t, "a1", string(e.Data))
		break
	}
	require.Nil(t, g.Stats().History)
}

// TestHistoryTimes gets events as they happen, and then from the history, which keeps some of them: each has the same time, so that
// who goes on behind the last event that it got misses none.
func TestHistoryTimes(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeB), 1<<20))
	live, err := g.SubscribeEvents(t.Context(), "live", agent.StreamOptions{})
	require.NoError(t, err)
	require.True(t, g.src.write("a1", "b1", "a2", "a3", "b2"))
	require.True(t, g.src.lose(3))
	var times []time.Time
	seen := 0
	for e := range live {
		if e.Type == payload.RecordLost || e.Data[0] == typeB {
			times = append(times, e.Time)
		}
		if seen++; seen == 6 {
			break
		}
	}
	past, err := g.SubscribeEvents(t.Context(), "past", agent.StreamOptions{Last: 9, Past: true})
	require.NoError(t, err)
	var kept []time.Time
	for e := range past {
		kept = append(kept, e.Time)
	}
	require.Equal(t, times, kept)
}

// TestHistorySeam subscribes, while events are being made on two CPUs, again and again: nothing is missing
// or twice where the history ends.
func TestHistorySeam(t *testing.T) {
	f := attached(t, agent.WithHistory(interest.Interest{}, 8<<20), agent.WithQueueSize(1<<16))
	var flood sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	defer flood.Wait()
	defer stop()
	flood.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			assert.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(fmt.Sprint(n))))
			f.Flush(ctx)
		}
	})
	flood.Go(func() {
		for ctx.Err() == nil {
			assert.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(1) }))
		}
	})
	eventually(t, func() bool { return f.Stats().History.Payloads > 1000 }, "there is a history")
	consecutive := 0
	for range 200 {
		stream, err := f.SubscribeEvents(t.Context(), "reader", agent.StreamOptions{Last: 50})
		require.NoError(t, err)
		next, seen := -1, 0
		var before time.Time
		for e := range stream {
			require.False(t, e.Time.Before(before), "in order of time")
			before = e.Time
			if seen++; seen == 150 {
				break
			}
			var notify api.AgentNotify
			if e.Type != payload.EventSample || notify.Decode(e.Data) != nil {
				continue
			}
			var n int
			_, err := fmt.Sscanf(notify.Text, `"%d"`, &n)
			require.NoError(t, err, notify.Text)
			if next >= 0 {
				require.Equal(t, next, n)
				consecutive++
			}
			next = n + 1
		}
	}
	require.Greater(t, consecutive, 200)
}

// TestHistoryIsBounded fills a history many times over: it has the newest, in its bytes, and one who
// reads it too slowly is told what is gone.
func TestHistoryIsBounded(t *testing.T) {
	f := attached(t, agent.WithHistory(interest.Types(api.MessageTypeTrace), agent.MinHistoryBytes))
	fill := func() {
		for range 20 {
			require.NoError(t, f.gen.EmitTrace(200))
			eventually(t, func() bool { return f.Stats().Datapath.Events() == f.emitted(t) }, "all is read")
		}
	}
	fill()
	history := f.Stats().History
	require.LessOrEqual(t, history.Memory, agent.MinHistoryBytes)
	require.Greater(t, history.Payloads, 500)
	stream, err := f.SubscribeEvents(t.Context(), "slow", agent.StreamOptions{Last: 1 << 20})
	require.NoError(t, err)
	fill()
	var lost, total uint64
	for e := range stream {
		if e.CPU == payload.CPULostByReader {
			lost += e.Lost
		}
		if total += max(1, e.Lost); total == uint64(history.Payloads)+4000 {
			break
		}
	}
	require.GreaterOrEqual(t, lost, uint64(history.Payloads), "what it was to get of the history is gone")
}
