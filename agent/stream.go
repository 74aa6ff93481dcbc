// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

// Subscribe subscribes a stream, and returns an iterator over all payloads from now on: what
// clients of the monitor API get, in the same order.
//
//	for pl := range a.Subscribe(ctx, "exporter") {
//		...
//	}
//
// A stream goes at its own pace and never holds anybody up. One that falls behind the queue
// (see [WithQueueSize]) misses what was dropped, exactly that, and gets a RecordLost payload
// with the number of events and CPU [payload.CPULostByReader] in their place. The
// payloads are the caller's own.
//
// It is subscribed when Subscribe returns, so the first event after that is the first
// payload. It ends when the loop is left, when ctx ends (once the loop's body returns), and, with
// all that came until then delivered, when the agent stops, which does not wait for it. A loop that
// is never begun therefore needs a ctx that ends.
// The iterator can be used once. name is what Stats and metrics call the stream.
//
// A [consumer.MonitorConsumer] is the other way to get events inside the process: it is called
// at once, event by event, on the goroutine that reads the source, which it holds up; so it
// suits what is fast and has to be in step with the datapath, such as counting. Whatever
// writes to a disk, a network or a person is a stream, or, if it has to be a consumer,
// one with a queue of its own: [consumer.NewQueued].
func (a *Agent) Subscribe(ctx context.Context, name string) iter.Seq[*payload.Payload] {
	if a == nil {
		return func(func(*payload.Payload) bool) {}
	}
	s := a.newStream(name)
	if s == nil {
		return func(func(*payload.Payload) bool) {}
	}
	// A loop that has begun ends the subscription itself, so that what it got last is counted.
	unlink := context.AfterFunc(ctx, func() {
		if !s.begun.Swap(true) {
			s.close()
		}
	})
	return func(yield func(*payload.Payload) bool) {
		if s.begun.Swap(true) {
			return
		}
		defer s.close()
		defer unlink()
		s.run(ctx, yield)
	}
}

// stream is a subscriber inside the process that reads the log at its own pace.
type stream struct {
	agent *Agent
	name  string
	since time.Time
	ready chan struct{} // has something when the log may have something new
	begun atomic.Bool   // the loop, or it never will

	mu     sync.Mutex // guards what follows
	cursor *eventlog.Cursor
}

// newStream returns a stream that is subscribed, or nil if the agent is stopped.
func (a *Agent) newStream(name string) *stream {
	a.Lock()
	defer a.Unlock()
	if a.stopping || a.ctx.Err() != nil {
		return nil
	}
	s := &stream{
		agent:  a,
		name:   name,
		since:  time.Now(),
		ready:  make(chan struct{}, 1),
		cursor: a.events.NewCursor(everything, nil),
	}
	a.demand.enterEverythingLocked()
	a.streams.addLocked(s, name, everything)
	a.totalSubscribers.Streams++
	a.startReadersLocked()
	return s
}

// wake has the stream look into the log.
func (s *stream) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// run yields what comes until the stream ends.
func (s *stream) run(ctx context.Context, yield func(*payload.Payload) bool) {
	for {
		// Asked before the log is, so that what came before the end is not missed.
		finished := isClosed(s.agent.finished)
		for more := true; more; {
			var wanted bool
			if more, wanted = s.deliver(ctx, yield); !wanted {
				return
			}
		}
		if finished {
			return
		}
		select {
		case <-s.ready:
		case <-s.agent.finished:
		case <-ctx.Done():
			return
		}
	}
}

// maxDelivery is how many payloads are taken from the log at once. A stream has its count of
// what is delivered brought up to date after so many.
const maxDelivery = 64

// deliver yields the next payloads that lie together in the log. It returns whether there may
// be more, and whether they are wanted.
func (s *stream) deliver(ctx context.Context, yield func(*payload.Payload) bool) (more, wanted bool) {
	run := s.next()
	if len(run) == 0 {
		return false, ctx.Err() == nil
	}
	delivered := 0
	defer func() { s.took(delivered) }() // also if the caller's loop panics
	for n := 0; n < maxDelivery && delivered < len(run); n++ {
		if ctx.Err() != nil {
			return true, false
		}
		pl := new(payload.Payload)
		size, err := payload.DecodeValue(run[delivered:], pl)
		if err != nil {
			// It can't be: the log has whole payloads that this module encoded.
			s.agent.log.WithError(err).WithField("stream", s.name).Error("Ending a stream, its place in the event log has no payload")
			return true, false
		}
		delivered += size
		if !yield(pl) {
			return true, false
		}
	}
	return true, true
}

// next returns encoded payloads that took has to be called for, or none.
func (s *stream) next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursor.Next()
}

// took tells the log how many bytes of those that next returned were delivered.
func (s *stream) took(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursor.Wrote(n)
}

// close ends the subscription. It is called once.
func (s *stream) close() {
	a := s.agent
	a.Lock()
	defer a.Unlock()
	a.streams.removeLocked(s)
	a.demand.leaveLocked(everything)
	s.mu.Lock()
	s.cursor.Close()
	s.mu.Unlock()
	stats := s.stats()
	a.closedStreamsLost += stats.Lost
	a.closedStreams[s.name] = a.closedStreams[s.name].add(stats, true)
	if !slices.ContainsFunc(slices.Collect(a.streams.all), func(other *stream) bool { return other.name == s.name }) {
		delete(a.closedStreams, s.name)
	}
	a.stopReadersIfUnusedLocked()
}

func (s *stream) stats() StreamStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return StreamStats{
		SubscriberStats: SubscriberStats{Name: s.name, Since: s.since, Delivered: s.cursor.Delivered()},
		Lost:            s.cursor.Lost(),
		Lag:             s.cursor.Lag(),
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
