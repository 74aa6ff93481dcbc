// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/testutils"
)

// callsConsumer writes down its calls.
type callsConsumer struct {
	mu    sync.Mutex // guards what follows
	calls []string
}

func (c *callsConsumer) add(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

func (c *callsConsumer) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

func (c *callsConsumer) NotifyAgentEvent(typ int, message any)    { c.add("agent %d %v", typ, message) }
func (c *callsConsumer) NotifyPerfEvent(data []byte, cpu int)     { c.add("event %s of %d", data, cpu) }
func (c *callsConsumer) NotifyPerfEventLost(lost uint64, cpu int) { c.add("%d lost of %d", lost, cpu) }

// batchesConsumer is one that takes batches.
type batchesConsumer struct {
	callsConsumer
	batches int
	bad     string // it panics at this
}

func (c *batchesConsumer) NotifyPerfEvents(events []payload.Payload) {
	c.batches++
	for _, ev := range events {
		if c.bad != "" && string(ev.Data) == c.bad {
			panic("a bug")
		}
		if ev.Type == payload.RecordLost {
			c.callsConsumer.NotifyPerfEventLost(ev.Lost, ev.CPU)
		} else {
			c.callsConsumer.NotifyPerfEvent(ev.Data, ev.CPU)
		}
	}
}

// TestBatchConsumer has consumers that take batches, with and without a queue, see what others see, in
// that order, and none of the calls that batches are in the place of.
func TestBatchConsumer(t *testing.T) {
	g := newGuarded(t)
	one, many, inner := &callsConsumer{}, &batchesConsumer{}, &batchesConsumer{}
	queued := consumer.NewQueued(inner, 1000)
	for _, c := range []consumer.MonitorConsumer{one, many, queued} {
		g.RegisterNewConsumer(c)
	}
	var want []string
	for i := range 20 {
		require.True(t, g.src.write(fmt.Sprint("a", i), fmt.Sprint("b", i)))
		require.True(t, g.src.lose(uint64(i+1)))
		eventually(t, func() bool { return len(one.all()) == 4*i+3 }, "the events of the datapath")
		require.NoError(t, g.SendEvent(api.MessageTypeAgent, api.GenericMessage(fmt.Sprint(i))))
		require.NoError(t, g.Flush(t.Context())) // it may have been left with who held the dispatch lock
		want = append(want, fmt.Sprintf("event a%d of 0", i), fmt.Sprintf("event b%d of 0", i), fmt.Sprintf("%d lost of 0", i+1))
		want = append(want, one.all()[4*i+3])
	}
	require.Equal(t, want, one.all())
	require.Equal(t, want, many.all())
	require.NoError(t, queued.Close(t.Context()))
	require.Equal(t, want, inner.all())
	require.NotZero(t, many.batches)
	require.NotZero(t, inner.batches)
	stats := g.Stats()
	require.EqualValues(t, 20*3+20*21/2, stats.Consumers[1].Delivered)
	require.Equal(t, stats.Consumers[0].Delivered, stats.Consumers[1].Delivered)
	require.EqualValues(t, stats.Consumers[0].Delivered, queued.Stats().Delivered)
}

// TestPanicInBatch has a consumer panic at a batch, all of which it misses.
func TestPanicInBatch(t *testing.T) {
	g := newGuarded(t)
	bad, good := &batchesConsumer{bad: "bad"}, &testutils.FakeConsumer{}
	g.RegisterNewConsumer(bad)
	g.RegisterNewConsumer(good)
	require.True(t, g.src.write("one"))
	require.NoError(t, good.WaitFor(t.Context(), 1))
	require.True(t, g.src.write("two", "bad", "three"))
	require.NoError(t, good.WaitFor(t.Context(), 4))
	eventually(t, func() bool { return len(g.Stats().Removed) == 1 }, "it is removed")
	removed := g.Stats().Removed[0]
	require.EqualValues(t, 4, removed.Delivered+removed.Missed)
	require.LessOrEqual(t, removed.Delivered, uint64(2), "the batches before")
	require.NotZero(t, removed.Delivered)
}
