// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
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
	events, err := a.SubscribeEvents(ctx, name, StreamOptions{})
	if err != nil { // the agent is stopped, or nil
		return func(func(*payload.Payload) bool) {}
	}
	return func(yield func(*payload.Payload) bool) {
		events(func(e Event) bool { return yield(e.Payload) })
	}
}

// Event is a payload with its time.
type Event struct {
	// Time is when the agent took the event from its source, by the clock of the node. Of a loss
	// since the stream fell behind it is when the stream came to it.
	Time time.Time

	*payload.Payload
}

// StreamOptions say what a stream of SubscribeEvents gets. The zero value is all from now on.
type StreamOptions struct {
	// Interest is what events are wanted. Losses come in any case, and so does what the agent
	// says about its sources, see [api.MonitorNotice].
	Interest interest.Interest

	// Last and Since begin in the history, see [WithHistory], as far as that goes back: with so many
	// events, and with those since a time; if both are given, with what is in both. After what the
	// history has comes all from now on, and nothing is missing or twice where they meet.
	Last  int
	Since time.Time

	// Match tells whether an event is wanted of those that Interest says, all if it is nil: others are neither
	// delivered nor counted for Last. It is called on the goroutine of the loop, just before the loop's body, and for
	// Last before SubscribeEvents returns, for the newest event first. It may keep nothing of the payload.
	Match func(Event) bool

	// Past ends the stream where the history ended when it was subscribed.
	Past bool

	// Until ends the stream once it has all events that the agent took until then; what came later is not delivered, and
	// does not count for Last. A loss since the stream fell behind may have some of it.
	Until time.Time
}

// SubscribeEvents is Subscribe for those who want a part of the events, those of the past, or their times.
// With Last or Since it waits for callbacks, so no callback may call it, and ctx's end is an error.
//
// Possible errors: [ErrNoAgent], [ErrStopped], ctx's error.
func (a *Agent) SubscribeEvents(ctx context.Context, name string, opts StreamOptions) (iter.Seq[Event], error) {
	if a == nil {
		return nil, ErrNoAgent
	}
	s := &stream{agent: a, name: name, wants: opts.Interest.Normal(), match: opts.Match, only: opts.Past, until: opts.Until, ready: make(chan struct{}, 1)}
	open := s.open
	from := begin{last: opts.Last, since: opts.Since}
	if !opts.Until.IsZero() {
		from.until = nanoseconds(opts.Until)
	}
	if !from.atEnd() {
		open = func() error { return s.openAt(ctx, from) }
	}
	if err := open(); err != nil {
		return nil, fmt.Errorf("subscribe stream %q: %w", name, err)
	}
	return s.events(ctx), nil
}

// atRest calls f while no event is being distributed, and returns its error, or ctx's if that ends before.
func (a *Agent) atRest(ctx context.Context, f func() error) error {
	var begun atomic.Bool // f, or it never will
	done := make(chan error, 1)
	a.afterPending(func() {
		if !begun.Swap(true) {
			done <- f()
		}
	})
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if begun.Swap(true) {
			return <-done
		}
		return ctx.Err()
	}
}

// stream is a subscriber inside the process that reads the log at its own pace.
type stream struct {
	agent *Agent
	name  string
	wants interest.Interest
	match func(Event) bool
	only  bool // nothing comes after the history
	until time.Time
	class int // of demand
	since time.Time
	ready chan struct{} // has something when the log may have something new
	begun atomic.Bool   // the loop, or it never will
	asked payload.Payload

	mu        sync.Mutex // guards what follows
	cursor    *eventlog.Cursor
	past      *past  // what comes first; nil if there is nothing more of it
	delivered uint64 // of the history, once past is nil
	lost      uint64 // of it
	leftOut   uint64 // of cursor, since only others want it
}

// openAt is open for a stream that begins in the history.
func (s *stream) openAt(ctx context.Context, from begin) error {
	var past *past
	err := s.agent.atRest(ctx, func() (err error) {
		if err = s.open(); err == nil {
			past = s.agent.history.newPast(s.wants, from)
		}
		return err
	})
	if past == nil {
		return err
	}
	past.rewind(math.MaxInt, s.match)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.past = past
	return nil
}

// open subscribes the stream.
func (s *stream) open() error {
	a := s.agent
	a.Lock()
	defer a.Unlock()
	if a.stopping || a.ctx.Err() != nil {
		return ErrStopped
	}
	s.class, s.since = a.demand.enterFilteringLocked(s.wants), time.Now()
	s.cursor = a.events.NewCursor(s.class, nil)
	a.streams.addLocked(s, s.name, s.class)
	a.totalSubscribers.Streams++
	a.startReadersLocked()
	return nil
}

// wake has the stream look into the log.
func (s *stream) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// events returns the iterator of a stream that is open.
func (s *stream) events(ctx context.Context) iter.Seq[Event] {
	// A loop that has begun ends the subscription itself, so that what it got last is counted.
	unlink := context.AfterFunc(ctx, func() {
		if !s.begun.Swap(true) {
			s.close()
		}
	})
	return func(yield func(Event) bool) {
		if s.begun.Swap(true) {
			return
		}
		defer s.close()
		defer unlink()
		s.run(ctx, yield)
	}
}

// run yields what comes until the stream ends.
func (s *stream) run(ctx context.Context, yield func(Event) bool) {
	var late <-chan time.Time
	if !s.until.IsZero() {
		timer := time.NewTimer(time.Until(s.until))
		defer timer.Stop()
		late = timer.C
	}
	for over := s.only; ; {
		// Asked before the log is, so that what came before the end is not missed.
		finished := over || isClosed(s.agent.finished)
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
		case <-late:
			// Those who are distributing events may have some that came in time.
			if s.agent.Flush(ctx) != nil {
				return
			}
			over = true
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
func (s *stream) deliver(ctx context.Context, yield func(Event) bool) (more, wanted bool) {
	past, run := s.next()
	if len(run) == 0 {
		return false, ctx.Err() == nil
	}
	cursor := s.cursor
	if past != nil {
		cursor = past.cursor
	}
	size, events, unwanted := 0, uint64(0), uint64(0)
	defer func() { s.took(past, size, events, unwanted) }() // also if the caller's loop panics
	for n := 0; n < maxDelivery && size < len(run); n++ {
		if ctx.Err() != nil {
			return true, false
		}
		var pl payload.Payload
		length, err := payload.DecodeShared(run[size:], &pl)
		if err != nil {
			// It can't be: the log has whole payloads that this module encoded.
			s.agent.log.WithError(err).WithField("stream", s.name).Error("Ending a stream, its place in the event log has no payload")
			return true, false
		}
		at := time.Now()
		ns, accepted := cursor.Time(n) // false of a loss that is the stream's own
		if accepted {
			at = time.Unix(0, ns)
		}
		late := accepted && s.isLate(at)
		if late && past == nil {
			return true, false
		}
		size += length
		switch {
		case late: // of the time before the clock was set back: others can come behind it
			continue
		case past == nil && s.class == shared && accepted && ofOthers(s.wants, &pl):
			unwanted += max(1, pl.Lost)
			continue
		case past == nil:
		case !accepted:
			if pl.Lost = past.ownLoss(); pl.Lost == 0 {
				continue
			}
		case !wantsPayload(s.wants, &pl):
			continue
		default:
			events += max(1, pl.Lost)
		}
		if s.match != nil && pl.Type == payload.EventSample && !s.matches(at, pl) {
			continue
		}
		own := pl
		own.Data = bytes.Clone(pl.Data)
		if !yield(Event{Time: at, Payload: &own}) {
			return true, false
		}
	}
	return true, true
}

// isLate tells whether what came at a time came after the end.
func (s *stream) isLate(at time.Time) bool { return !s.until.IsZero() && at.After(s.until) }

// matches asks whether an event is wanted. It uses one payload again and again: it is called by the loop's goroutine.
func (s *stream) matches(at time.Time, pl payload.Payload) bool {
	s.asked = pl
	return s.match(Event{Time: at, Payload: &s.asked})
}

// next returns encoded payloads that took has to be called for, or none, and the past if they are of the history.
func (s *stream) next() (*past, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.past != nil {
		if run := s.past.next(); len(run) > 0 {
			return s.past, run
		}
		s.endPastLocked()
	}
	if s.only {
		return nil, nil
	}
	return nil, s.cursor.Next()
}

// endPastLocked ends the part of the stream that is in the history. The caller holds s.mu.
func (s *stream) endPastLocked() {
	if s.past != nil {
		s.delivered, s.lost = s.past.delivered, s.past.lost
		s.past.close()
		s.past = nil
	}
}

// took says that so many bytes were delivered of those that next returned, with so many events in them if they are of the
// history, or left out, with so many that are not wanted.
func (s *stream) took(past *past, size int, events, unwanted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if past != nil {
		past.wrote(size, events)
		return
	}
	s.leftOut += unwanted
	s.cursor.Wrote(size)
}

// close ends the subscription. It is called once.
func (s *stream) close() {
	a := s.agent
	a.Lock()
	defer a.Unlock()
	a.streams.removeLocked(s)
	a.demand.leaveLocked(s.class, s.wants)
	s.mu.Lock()
	s.endPastLocked()
	s.cursor.Close()
	s.mu.Unlock()
	stats := s.statsLocked()
	a.closedStreamsLost += stats.Lost
	a.closedStreams[s.name] = a.closedStreams[s.name].add(stats, true)
	if !slices.ContainsFunc(slices.Collect(a.streams.all), func(other *stream) bool { return other.name == s.name }) {
		delete(a.closedStreams, s.name)
	}
	a.stopReadersIfUnusedLocked()
}

// statsLocked tells how the stream fares. The caller holds Agent.Mutex.
func (s *stream) statsLocked() StreamStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := StreamStats{
		SubscriberStats: SubscriberStats{
			Name: s.name, Since: s.since, Wants: textOf(s.wants),
			Delivered: s.delivered + s.cursor.Delivered() - s.leftOut,
		},
		Lost: s.lost + s.cursor.Lost(),
		Lag:  s.cursor.Lag(),
	}
	if s.past != nil {
		stats.Delivered += s.past.delivered
		stats.Lost += s.past.lost
		stats.Lag += s.past.lag()
	}
	return stats
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
