// SPDX-License-Identifier: Apache-2.0

package consumer_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
)

// heldConsumer writes down what it gets, and stays in its first call until it is released. It
// panics at an event "panic".
type heldConsumer struct {
	calls    []string
	entered  chan struct{}
	released chan struct{}
	first    sync.Once
}

func newHeld() *heldConsumer {
	return &heldConsumer{entered: make(chan struct{}), released: make(chan struct{})}
}

func (c *heldConsumer) call(text string) {
	c.first.Do(func() {
		close(c.entered)
		<-c.released
	})
	c.calls = append(c.calls, text)
	if text == "event panic of CPU 0" {
		panic("a bug")
	}
}

func (c *heldConsumer) String() string { return "held" }

func (c *heldConsumer) NotifyAgentEvent(typ int, message any) {
	c.call(fmt.Sprintf("agent event %d %v", typ, message))
}

func (c *heldConsumer) NotifyPerfEvent(data []byte, cpu int) {
	c.call(fmt.Sprintf("event %s of CPU %d", data, cpu))
}

func (c *heldConsumer) NotifyPerfEventLost(n uint64, cpu int) {
	c.call(fmt.Sprintf("%d lost of CPU %d", n, cpu))
}

// TestQueued fills a queue: what there is no room for is lost, exactly that, and the consumer is
// told in its place. Losses of the datapath keep their CPU.
func TestQueued(t *testing.T) {
	c := newHeld()
	q := consumer.NewQueued(c, 3)
	require.Equal(t, "held", q.String())
	q.NotifyPerfEvent([]byte("one"), 1)
	<-c.entered
	q.NotifyAgentEvent(130, "two")
	q.NotifyPerfEventLost(10, 7)
	q.NotifyPerfEvent([]byte("four"), 2)
	q.NotifyPerfEvent([]byte("five"), 2) // no room
	q.NotifyPerfEventLost(20, 3)
	q.NotifyPerfEventLost(5, 0)
	q.NotifyPerfEventLost(1, 3)
	q.NotifyAgentEvent(130, "nine")
	require.Equal(t, consumer.QueueStats{Size: 3, Accepted: 41, Lost: 2, Lag: 39}, q.Stats())
	close(c.released)
	require.NoError(t, q.Close(t.Context()))
	q.NotifyPerfEvent([]byte("late"), 2)
	require.Equal(t, []string{
		"event one of CPU 1",
		"agent event 130 two",
		"10 lost of CPU 7",
		"event four of CPU 2",
		"5 lost of CPU 0",
		"21 lost of CPU 3",
		"2 lost of CPU -1",
	}, c.calls)
	require.Equal(t, consumer.QueueStats{Size: 3, Accepted: 42, Delivered: 39, Lost: 3}, q.Stats())
	require.NoError(t, q.Close(t.Context()), "again")
}

// TestQueuedInPlace has room again after a loss: it comes before what was queued then.
func TestQueuedInPlace(t *testing.T) {
	c := &stepConsumer{calls: make(chan string)}
	q := consumer.NewQueued(c, 1)
	q.NotifyPerfEvent([]byte("one"), 0)
	c.wait(q, 0)
	q.NotifyPerfEvent([]byte("two"), 0)
	q.NotifyPerfEvent([]byte("three"), 0) // no room
	require.Equal(t, "one", <-c.calls)
	c.wait(q, 1)
	q.NotifyPerfEvent([]byte("four"), 0)
	require.Equal(t, "two", <-c.calls)
	require.Equal(t, "lost 1 -1", <-c.calls)
	require.Equal(t, "four", <-c.calls)
	require.NoError(t, q.Close(t.Context()))
}

// stepConsumer hands on what it gets.
type stepConsumer struct {
	calls  chan string
	inCall sync.Map // number of the call
	n      int
}

func (c *stepConsumer) wait(q *consumer.Queued, n int) {
	for {
		if _, ok := c.inCall.Load(n); ok {
			return
		}
		q.Stats()
	}
}

func (c *stepConsumer) call(text string) {
	c.inCall.Store(c.n, true)
	c.n++
	c.calls <- text
}
func (c *stepConsumer) NotifyAgentEvent(int, any)          {}
func (c *stepConsumer) NotifyPerfEvent(data []byte, _ int) { c.call(string(data)) }
func (c *stepConsumer) NotifyPerfEventLost(n uint64, cpu int) {
	c.call(fmt.Sprint("lost ", n, " ", cpu))
}

// TestQueuedDrops closes a queue whose consumer does not return.
func TestQueuedDrops(t *testing.T) {
	c := newHeld()
	q := consumer.NewQueued(c, 10)
	for range 5 {
		q.NotifyPerfEvent([]byte("one"), 0)
	}
	<-c.entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := q.Close(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "close the queue of held, dropping 4 events")
	require.Equal(t, consumer.QueueStats{Size: 10, Accepted: 5, Lost: 4, Lag: 1}, q.Stats())
	close(c.released)
	require.NoError(t, q.Close(t.Context()))
	require.Equal(t, consumer.QueueStats{Size: 10, Accepted: 5, Delivered: 1, Lost: 4}, q.Stats())
	require.Len(t, c.calls, 1)
}

// TestQueuedPanic has a consumer that panics: it gets nothing more, and what it was to get is counted.
func TestQueuedPanic(t *testing.T) {
	c := newHeld()
	close(c.released)
	q := consumer.NewQueued(c, 10)
	for _, text := range []string{"one", "panic", "three"} {
		q.NotifyPerfEvent([]byte(text), 0)
	}
	require.ErrorContains(t, q.Close(t.Context()), "it panicked: a bug")
	require.ErrorContains(t, q.Err(), "a bug")
	q.NotifyPerfEvent([]byte("four"), 0)
	require.Equal(t, consumer.QueueStats{Size: 10, Accepted: 4, Delivered: 1, Lost: 3}, q.Stats())
	require.Len(t, c.calls, 2)
}

// TestQueuedFlood has more events than a consumer takes, from several goroutines: delivered and
// lost are all there are, and the consumer was told so.
func TestQueuedFlood(t *testing.T) {
	const senders, each = 4, 20000
	c := &sumConsumer{}
	q := consumer.NewQueued(c, 64)
	var ended sync.WaitGroup
	for cpu := range senders {
		ended.Go(func() {
			for range each {
				q.NotifyPerfEvent(nil, cpu)
				q.NotifyPerfEventLost(2, cpu)
			}
		})
	}
	ended.Wait()
	require.NoError(t, q.Close(t.Context()))
	stats := q.Stats()
	require.EqualValues(t, senders*each*3, stats.Accepted)
	require.Equal(t, stats.Accepted, stats.Delivered+stats.Lost)
	require.Equal(t, stats.Lost, c.lost)
	require.EqualValues(t, senders*each, c.events+c.lost)
	require.EqualValues(t, senders*each*2, c.datapath)
}

type sumConsumer struct{ events, lost, datapath uint64 }

func (c *sumConsumer) NotifyAgentEvent(int, any)   {}
func (c *sumConsumer) NotifyPerfEvent([]byte, int) { c.events++ }
func (c *sumConsumer) NotifyPerfEventLost(n uint64, cpu int) {
	if cpu < 0 {
		c.lost += n
	} else {
		c.datapath += n
	}
}

// BenchmarkQueued is what a queue costs the goroutine that reads the datapath.
func BenchmarkQueued(b *testing.B) {
	q := consumer.NewQueued(&sumConsumer{}, 1024)
	data := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		q.NotifyPerfEvent(data, 0)
	}
	if err := q.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// heldBatches is a heldConsumer that takes batches.
type heldBatches struct {
	*heldConsumer
	sizes []int
}

func (c *heldBatches) NotifyPerfEvents(events []payload.Payload) {
	c.sizes = append(c.sizes, len(events))
	for _, ev := range events {
		if ev.Type == payload.RecordLost {
			c.NotifyPerfEventLost(ev.Lost, ev.CPU)
		} else {
			c.NotifyPerfEvent(ev.Data, ev.CPU)
		}
	}
}

func sample(text string) payload.Payload {
	return payload.Payload{Type: payload.EventSample, Data: []byte(text), CPU: 1}
}

// TestQueuedBatches queues batches for a consumer that takes batches: with an event of user space one ends, and
// losses keep their places.
func TestQueuedBatches(t *testing.T) {
	c := &heldBatches{heldConsumer: newHeld()}
	q := consumer.NewQueued(c, 4)
	q.NotifyPerfEvents([]payload.Payload{sample("one")})
	<-c.entered
	q.NotifyPerfEvents([]payload.Payload{sample("two"), {Type: payload.RecordLost, Lost: 10, CPU: 7}})
	q.NotifyAgentEvent(130, "three")
	q.NotifyPerfEvents([]payload.Payload{sample("four"), sample("no room"), {Type: payload.RecordLost, Lost: 5, CPU: 2}})
	require.Equal(t, consumer.QueueStats{Size: 4, Accepted: 20, Lost: 1, Lag: 19}, q.Stats())
	close(c.released)
	require.NoError(t, q.Close(t.Context()))
	require.Equal(t, []string{
		"event one of CPU 1", "event two of CPU 1", "10 lost of CPU 7", "agent event 130 three",
		"event four of CPU 1", "5 lost of CPU 2", "1 lost of CPU -1",
	}, c.calls)
	require.Equal(t, []int{1, 2, 1, 2}, c.sizes)
	require.Equal(t, consumer.QueueStats{Size: 4, Accepted: 20, Delivered: 19, Lost: 1}, q.Stats())
}

// TestQueuedBatchPanics has a consumer panic in a batch: none of that is delivered.
func TestQueuedBatchPanics(t *testing.T) {
	c := &heldBatches{heldConsumer: newHeld()}
	close(c.released)
	q := consumer.NewQueued(c, 10)
	q.NotifyPerfEvents([]payload.Payload{sample("one"), {Type: payload.EventSample, Data: []byte("panic")}, sample("three")})
	require.Eventually(t, func() bool { return q.Err() != nil }, time.Minute, time.Millisecond)
	require.Error(t, q.Close(t.Context()))
	require.Equal(t, consumer.QueueStats{Size: 10, Accepted: 3, Lost: 3}, q.Stats())
}
