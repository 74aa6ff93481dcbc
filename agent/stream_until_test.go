// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/interest"
)

// TestUntil has streams that end at a time, while events are being made: of those that came until then they have all, of those that
// came later none. Without an event they end, too.
func TestUntil(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 1<<20))
	require.True(t, g.src.write("a0"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 1 }, "it is kept")
	until := time.Now().Add(200 * time.Millisecond)
	all, err := g.SubscribeEvents(t.Context(), "all", agent.StreamOptions{Last: 1})
	require.NoError(t, err)
	some, err := g.SubscribeEvents(t.Context(), "some", agent.StreamOptions{Last: 1, Until: until})
	require.NoError(t, err)
	none, err := g.SubscribeEvents(t.Context(), "none", agent.StreamOptions{Interest: interest.Types('z'), Until: until})
	require.NoError(t, err)

	var ended atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for !ended.Load() {
			before := g.Stats().Accepted
			assert.True(t, g.src.write("a"))
			assert.Eventually(t, func() bool { return g.Stats().Accepted > before }, timeout, time.Millisecond)
		}
		assert.True(t, g.src.write("b"))
	})
	var got, want []time.Time
	for e := range some {
		got = append(got, e.Time)
	}
	ended.Store(true)
	writer.Wait()
	for e := range all {
		if e.Data[0] == 'b' {
			break
		}
		if !e.Time.After(until) {
			want = append(want, e.Time)
		}
	}
	require.Equal(t, want, got)
	for range none {
		t.Error("nobody made that")
	}
	require.Empty(t, g.Stats().Streams)

	past, err := g.SubscribeEvents(t.Context(), "past", agent.StreamOptions{Last: 2, Until: until, Past: true})
	require.NoError(t, err)
	got = nil
	for e := range past {
		got = append(got, e.Time)
	}
	require.Equal(t, want[max(0, len(want)-2):], got, "the last ones of that time")
}

// TestUntilHeldUp has a consumer hold up an event that came in time until the time is over: the stream gets it, and ends then.
func TestUntilHeldUp(t *testing.T) {
	g := newGuarded(t)
	blocked := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(blocked.release) })
	defer release()
	g.RegisterNewConsumer(blocked)
	until := time.Now().Add(time.Second)
	stream, err := g.SubscribeEvents(t.Context(), "reader", agent.StreamOptions{Until: until})
	require.NoError(t, err)
	require.True(t, g.src.write("a1"))
	<-blocked.called
	var got []string
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range stream {
			got = append(got, string(e.Data))
		}
	}()
	eventually(t, func() bool { return time.Now().After(until) }, "the time is over")
	require.True(t, g.src.write("a2"))
	release()
	<-ended
	require.Equal(t, []string{"a1"}, got)
}

// TestFarTimes asks for what came between times that are out of the range of the log's.
func TestFarTimes(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 1<<20))
	require.True(t, g.src.write("a1"))
	eventually(t, func() bool { return g.Stats().History.Payloads == 1 }, "it is kept")
	early, late := time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, []string{"a1"}, take(t, g, 1, agent.StreamOptions{Since: early, Until: late, Past: true}))
	require.Equal(t, []string{"a1"}, take(t, g, 1, agent.StreamOptions{Last: 1, Until: late, Past: true}))
	require.Empty(t, take(t, g, 1, agent.StreamOptions{Since: late, Past: true}))
	require.Empty(t, take(t, g, 1, agent.StreamOptions{Since: early, Until: early, Past: true}))
}
