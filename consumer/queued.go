// SPDX-License-Identifier: Apache-2.0

package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/guest"
)

// cpuOfQueue is the CPU that a consumer is given with the losses of its own queue: that of
// payload.CPULostByReader.
const cpuOfQueue = -1

// Queued is a consumer that hands on what it gets to another one, on a goroutine of its own and
// through a queue of its own. So the other one may be slow: it holds nobody up, and loses
// events while its queue is full.
type Queued struct {
	consumer MonitorConsumer
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
	return &Queued{consumer: c, name: guest.Name(c), queue: make([]queuedCall, max(1, size))}
}

// String returns the name of the other consumer.
func (q *Queued) String() string { return q.name }

// NotifyAgentEvent implements [MonitorConsumer].
func (q *Queued) NotifyAgentEvent(typ int, message any) {
	q.add(queuedCall{kind: agentEvent, typ: typ, message: message})
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

// add queues a call, or counts it as lost.
func (q *Queued) add(call queuedCall) {
	q.mu.Lock()
	defer q.mu.Unlock()
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
		for call, ok := q.next(); ok; call, ok = q.next() {
			q.deliver(&call)
		}
	})
}

// errGoexit is what is wrong with a consumer that ended the goroutine, as FailNow does in a test.
var errGoexit = errors.New("it ended the goroutine that it was called on")

// next returns what to deliver once what it returned before is delivered. It returns false at the
// end of the queue, with which the goroutine ends.
func (q *Queued) next() (call queuedCall, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.delivered += q.delivering
	q.delivering = 0
	switch {
	case q.waiting > 0:
		call, q.queue[q.first] = q.queue[q.first], queuedCall{}
		q.first = (q.first + 1) % len(q.queue)
		q.waiting--
	case q.lost.queue > 0 || len(q.lost.datapath) > 0:
		call.before, q.lost = q.lost, losses{}
	default:
		q.running = false
		return call, false
	}
	q.delivering = call.events()
	for _, n := range call.before.datapath {
		q.delivering += n
	}
	return call, true
}

// deliver calls the other consumer.
func (q *Queued) deliver(call *queuedCall) {
	for _, cpu := range slices.Sorted(maps.Keys(call.before.datapath)) {
		q.consumer.NotifyPerfEventLost(call.before.datapath[cpu], cpu)
	}
	if call.before.queue > 0 {
		q.consumer.NotifyPerfEventLost(call.before.queue, cpuOfQueue)
	}
	switch call.kind {
	case perfEvent:
		q.consumer.NotifyPerfEvent(call.data, call.cpu)
	case agentEvent:
		q.consumer.NotifyAgentEvent(call.typ, call.message)
	case perfEventLost:
		q.consumer.NotifyPerfEventLost(call.n, call.cpu)
	case lossesOnly:
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
