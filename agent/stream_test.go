// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/testutils"
)

// reading is a stream that is read by a goroutine.
type reading struct {
	events, lost atomic.Uint64 // of all, and of those that it lost by itself
	pause        sync.RWMutex  // held for writing, it stands still
	ended        chan struct{}
}

func read(stream iter.Seq[*payload.Payload]) *reading {
	r := &reading{ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		for pl := range stream {
			r.pause.RLock()
			r.events.Add(max(1, pl.Lost))
			if pl.CPU == payload.CPULostByReader {
				r.lost.Add(pl.Lost)
			}
			r.pause.RUnlock()
		}
	}()
	return r
}

// TestSubscribe floods an agent that has a fast stream and one which stands still: each has
// every event, as delivered or as lost, and nobody waits for the slow one.
func TestSubscribe(t *testing.T) {
	f := attached(t, agent.WithQueueSize(500))
	require.Nil(t, f.State())
	fast, slow := read(f.Subscribe(t.Context(), "fast")), read(f.Subscribe(t.Context(), "slow"))
	require.NotNil(t, f.State(), "a stream is a subscriber")
	slow.pause.Lock()
	const n = 1000
	var flood sync.WaitGroup
	for cpu := range 2 {
		flood.Go(func() {
			for range 20 {
				assert.NoError(t, testutils.OnCPU(cpu, func() error { return f.gen.EmitTrace(n) }))
			}
		})
	}
	flood.Wait()
	eventually(t, func() bool { return fast.events.Load() == f.emitted(t) }, "the fast stream has everything")
	slow.pause.Unlock()
	eventually(t, func() bool { return slow.events.Load() == f.emitted(t) }, "the slow stream has everything")
	require.NotZero(t, slow.lost.Load(), "the slow stream was to fall behind")

	for _, want := range []struct {
		name string
		*reading
	}{{"fast", fast}, {"slow", slow}} {
		eventually(t, func() bool {
			totals := f.Stats().StreamTotals[want.name]
			return totals.Delivered+totals.Lost == f.emitted(t) && totals.Lag == 0
		}, "the statistics say the same of %s", want.name)
		require.Equal(t, want.lost.Load(), f.Stats().StreamTotals[want.name].Lost)
	}
	require.Equal(t, agent.SubscriberCounts{Streams: 2}, f.Stats().TotalSubscribers)
	f.stop()
	<-fast.ended
	<-slow.ended
}

// TestStreamEnds ends streams in each way there is: afterwards the datapath's events are not
// read any more.
func TestStreamEnds(t *testing.T) {
	f := attached(t)
	gone := func() bool { return f.State() == nil && len(f.Stats().Streams) == 0 }
	emit := func() { require.NoError(t, f.gen.EmitTrace(3)) }

	stream := f.Subscribe(t.Context(), "break")
	emit()
	for range stream {
		break
	}
	require.True(t, gone())
	for range stream {
		t.Error("a stream is used twice")
	}

	stream = f.Subscribe(t.Context(), "panic")
	emit()
	require.Panics(t, func() {
		for range stream {
			panic("a bug")
		}
	})
	require.True(t, gone())

	ctx, cancel := context.WithCancel(t.Context())
	stream = f.Subscribe(ctx, "context")
	emit()
	for range stream {
		cancel()
	}
	require.True(t, gone())

	ctx, cancel = context.WithCancel(t.Context())
	f.Subscribe(ctx, "never begun")
	require.False(t, gone())
	cancel()
	eventually(t, gone, "a stream that was never read ends with its context")

	for range f.Subscribe(ctx, "late") {
		t.Error("the context has ended")
	}
	require.True(t, gone())
	require.False(t, f.emits(t))
	require.EqualValues(t, 5, f.Stats().TotalSubscribers.Streams)
	for range (*agent.Agent)(nil).Subscribe(t.Context(), "nobody") {
		t.Error("there is no agent")
	}
}

// TestStreamStopDrains stops an agent whose stream is behind: it gets everything that was
// accepted before it ends.
func TestStreamStopDrains(t *testing.T) {
	f := attached(t)
	r := read(f.Subscribe(t.Context(), "behind"))
	r.pause.Lock()
	require.NoError(t, f.gen.EmitTrace(500))
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("the last one")))
	f.stop() // does not wait for it
	r.pause.Unlock()
	<-r.ended
	require.Equal(t, f.emitted(t)+1, r.events.Load())
	for range f.Subscribe(t.Context(), "late") {
		t.Error("the agent is stopped")
	}
}

// TestStreamKeeps checks that payloads of a stream are the caller's: they stay the same after
// much more has gone through the agent.
func TestStreamKeeps(t *testing.T) {
	f := start(t, agent.WithQueueSize(16))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var kept []*payload.Payload
	stream := f.Subscribe(ctx, "keeper")
	const n = 100
	for i := range n {
		require.NoError(t, f.SendEvent(200, i))
	}
	for pl := range stream {
		if kept = append(kept, pl); pl.Type == payload.EventSample && pl.Data[len(pl.Data)-1] == 2*(n-1) {
			break
		}
	}
	sum := uint64(0)
	for i, pl := range kept {
		if sum += max(1, pl.Lost); pl.Type == payload.EventSample {
			require.EqualValues(t, 2*(n-len(kept)+i), pl.Data[len(pl.Data)-1], "gob doubles integers")
		}
	}
	require.EqualValues(t, n, sum)
}

// TestStreamCallsAgent uses the agent from the loop of a stream.
func TestStreamCallsAgent(t *testing.T) {
	f := attached(t)
	require.NoError(t, f.SendEvent(200, 0)) // before it
	n := 0
	stream := f.Subscribe(t.Context(), "caller")
	require.NoError(t, f.SendEvent(200, 1))
	for range stream {
		if n++; n == 10 {
			break
		}
		require.NoError(t, f.SendEvent(200, n))
		require.NoError(t, f.Flush(t.Context()))
		require.NotNil(t, f.State())
		require.Len(t, f.Stats().Streams, 1)
	}
	require.Nil(t, f.State())
	require.Equal(t, 10, n)
}
