// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/guest"
)

// maxBatch is how many calls are handed to a [BatchConsumer] at once.
const maxBatch = 256

// Queued is a consumer that hands on what it gets to another one, on a goroutine of its own and
// through a queue of its own. So the other one may be slow: it holds nobody up, and loses
// events while its queue is full. It takes and, if the other one does, gives events in batches.
type Queued struct {
	consumer MonitorConsumer
	batches  BatchConsumer // the consumer, if it is one; else nil
	name     string

	mu      sync.Mutex   // guards what follows
	queue   []queuedCall // a ring of calls that wait
	first   int          // of queue
	waiting int          // calls in queue
	lost    losses       // since the last call in queue
	closed  bool
	err     error         // the panic that ended it
	running bool          // a goroutine delivers
	ended   chan struct{} // closed when the last goroutine that was begun ends

	// Events. Those accepted that are none of the others wait.
	accepted, delivered, dropped, delivering uint64
}

// QueueStats tells how a [Queued] fares. All numbers are events; a loss that the datapath
// reported counts as the events that it lost.
//
//	Accepted = Delivered + Lost + Lag
type QueueStats struct {
	Size int `json:"size"`

	Accepted  uint64 `json:"accepted"`  // that the queue was given
	Delivered uint64 `json:"delivered"` // that the consumer returned from
	Lost      uint64 `json:"lost"`      // since the queue was full, or closed
	Lag       uint64 `json:"lag"`       // that wait or are being delivered
}

// queuedCall is a call of a consumer's method, with the losses that come before it.
type queuedCall struct {
	before losses

	message any // NotifyAgentEvent
	typ     int
	data    []byte // NotifyPerfEvent
	cpu     int
	n       uint64 // NotifyPerfEventLost
	kind    callKind
}

type callKind uint8

const (
	lossesOnly callKind = iota // those before it
	perfEvent
	agentEvent
	perfEventLost
)

// events is how many events a call stands for.
func (c *queuedCall) events() uint64 {
	switch c.kind {
	case lossesOnly:
		return 0
	case perfEventLost:
		return c.n
	default:
		return 1
	}
}

// losses are those that come before a call, or after the last one.
type losses struct {
	queue    uint64         // of the queue itself
	datapath map[int]uint64 // by CPU, for which there was no room
}

// NewQueued returns a consumer that gives c a queue for size events, at least 1. c's methods are called
// one event at a time, in order, on a goroutine that runs while there are events.
//
// What comes while the queue is full is lost: c is told how much in its place, by
// NotifyPerfEventLost with CPU -1. Losses of the datapath keep their CPU, and are never lost
// themselves. [agent.Agent.Stats] and metrics have the queue's numbers under c's name.
//
// If c panics it gets nothing more, and an agent removes the consumer. Whoever made it calls
// Close once it is removed. The queue keeps the data of its events in memory, as a consumer
// does that keeps it: see [MonitorConsumer].
//
// [agent.Agent.Stats]: https://pkg.go.dev/github.com/cilium/monitor/agent#Agent.Stats
func NewQueued(c MonitorConsumer, size int) *Queued {
	batches, _ := c.(BatchConsumer)
	return &Queued{consumer: c, batches: batches, name: guest.Name(c), queue: make([]queuedCall, max(1, size))}
}

// String returns the name of the other consumer.
func (q *Queued) String() string { return q.name }

// NotifyAgentEvent implements [MonitorConsumer].
func (q *Queued) NotifyAgentEvent(typ int, message any) {
	q.add(queuedCall{kind: agentEvent, typ: typ, message: message})
}

// NotifyPerfEvents implements [BatchConsumer].
func (q *Queued) NotifyPerfEvents(events []payload.Payload) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range events {
		if ev := &events[i]; ev.Type == payload.RecordLost {
			q.addLocked(queuedCall{kind: perfEventLost, n: ev.Lost, cpu: ev.CPU})
		} else {
			q.addLocked(queuedCall{kind: perfEvent, data: ev.Data, cpu: ev.CPU})
		}
	}
}

// NotifyPerfEvent implements [MonitorConsumer].
func (q *Queued) NotifyPerfEvent(data []byte, cpu int) {
	q.add(queuedCall{kind: perfEvent, data: data, cpu: cpu})
}

// NotifyPerfEventLost implements [MonitorConsumer].
func (q *Queued) NotifyPerfEventLost(numLostEvents uint64, cpu int) {
	q.add(queuedCall{kind: perfEventLost, n: numLostEvents, cpu: cpu})
}

// Stats returns the current numbers.
func (q *Queued) Stats() QueueStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueStats{
		Size:      len(q.queue),
		Accepted:  q.accepted,
		Delivered: q.delivered,
		Lost:      q.dropped,
		Lag:       q.accepted - q.delivered - q.dropped,
	}
}

// Err returns the panic of the other consumer that has ended the queue, nil if there was none.
func (q *Queued) Err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// Close ends the queue. It takes no more events, and waits until those that it has are delivered
// and no goroutine is left. When ctx ends first, it drops what is left and returns ctx's error:
// the call that the other consumer is in then is the last one. It returns the panic that
// ended the queue if there was one. It must not be called by the other consumer.
func (q *Queued) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	ended := q.ended
	q.mu.Unlock()
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return q.Err()
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.dropLocked()
	return fmt.Errorf("close the queue of %s, dropping %d events: %w", q.name, n, ctx.Err())
}

func (q *Queued) add(call queuedCall) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.addLocked(call)
}

// addLocked queues a call, or counts it as lost. The caller holds q.mu.
func (q *Queued) addLocked(call queuedCall) {
	q.accepted += call.events()
	switch {
	case q.closed || q.err != nil:
		q.dropped += call.events()
		return
	case q.waiting < len(q.queue):
		call.before, q.lost = q.lost, losses{}
		q.queue[(q.first+q.waiting)%len(q.queue)] = call
		q.waiting++
	case call.kind == perfEventLost:
		if q.lost.datapath == nil {
			q.lost.datapath = make(map[int]uint64)
		}
		q.lost.datapath[call.cpu] += call.n
	default:
		q.lost.queue++
		q.dropped++
	}
	if !q.running {
		q.running, q.ended = true, make(chan struct{})
		go q.run(q.ended)
	}
}

// run delivers what is in the queue until it is empty.
func (q *Queued) run(ended chan<- struct{}) {
	defer close(ended)
	err := errGoexit // unless Call returns
	defer func() {
		if err == nil {
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.err, q.running, q.delivering = err, false, 0
		q.dropLocked()
	}()
	err = guest.Call(func() {
		for d := (delivery{}); q.next(&d); {
			q.deliver(&d)
		}
	})
}

// delivery is what the other consumer is called with: events of the datapath, and then one of user space if
// agentEvent is set.
type delivery struct {
	events     []payload.Payload
	agentEvent bool
	typ        int
	message    any
}

// errGoexit is what is wrong with a consumer that ended the goroutine, as FailNow does in a test.
var errGoexit = errors.New("it ended the goroutine that it was called on")

// next sets d to what to deliver once what it was is delivered. It returns false at the end of
// the queue, with which the goroutine ends.
func (q *Queued) next(d *delivery) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.delivered += q.delivering
	q.delivering = 0
	clear(d.events) // whose data may go
	*d = delivery{events: d.events[:0]}
	limit := 1
	if q.batches != nil {
		limit = maxBatch
	}
	for n := 0; n < limit && q.waiting > 0 && !d.agentEvent; n++ {
		q.deliverLocked(d, &q.queue[q.first])
		q.queue[q.first] = queuedCall{}
		q.first = (q.first + 1) % len(q.queue)
		q.waiting--
	}
	if q.waiting == 0 && len(d.events) == 0 && !d.agentEvent {
		last := queuedCall{before: q.lost}
		q.lost = losses{}
		q.deliverLocked(d, &last)
	}
	q.running = len(d.events) > 0 || d.agentEvent
	return q.running
}

// deliverLocked adds a call to what is delivered next. The caller holds q.mu.
func (q *Queued) deliverLocked(d *delivery, call *queuedCall) {
	lost := func(n uint64, cpu int) {
		d.events = append(d.events, payload.Payload{Type: payload.RecordLost, Lost: n, CPU: cpu})
	}
	for _, cpu := range slices.Sorted(maps.Keys(call.before.datapath)) {
		lost(call.before.datapath[cpu], cpu)
		q.delivering += call.before.datapath[cpu]
	}
	if call.before.queue > 0 {
		lost(call.before.queue, payload.CPULostByReader)
	}
	switch call.kind {
	case perfEvent:
		d.events = append(d.events, payload.Payload{Type: payload.EventSample, Data: call.data, CPU: call.cpu})
	case agentEvent:
		d.agentEvent, d.typ, d.message = true, call.typ, call.message
	case perfEventLost:
		lost(call.n, call.cpu)
	case lossesOnly:
	}
	q.delivering += call.events()
}

// deliver calls the other consumer.
func (q *Queued) deliver(d *delivery) {
	if q.batches != nil && len(d.events) > 0 {
		q.batches.NotifyPerfEvents(d.events)
	} else {
		for i := range d.events {
			if ev := &d.events[i]; ev.Type == payload.RecordLost {
				q.consumer.NotifyPerfEventLost(ev.Lost, ev.CPU)
			} else {
				q.consumer.NotifyPerfEvent(ev.Data, ev.CPU)
			}
		}
	}
	if d.agentEvent {
		q.consumer.NotifyAgentEvent(d.typ, d.message)
	}
}

// dropLocked drops what waits, and returns how many events that is. The caller holds q.mu.
func (q *Queued) dropLocked() (events uint64) {
	events = q.accepted - q.delivered - q.dropped - q.delivering
	q.dropped += events
	clear(q.queue)
	q.waiting, q.lost = 0, losses{}
	return events
}

// Interest implements [interest.Interested]: it is what the other consumer wants.
func (q *Queued) Interest() interest.Interest { return interest.Of(q.consumer) }
