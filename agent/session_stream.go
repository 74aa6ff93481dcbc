// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

// sessionStream makes the frames of a session of API 1.3 of what the history and the event log have. It has
// the methods of a cursor, and is guarded by what guards that: conn.mu.
type sessionStream struct {
	server *server
	wants  interest.Interest
	shared bool  // its class is that of demand's in which others want something else
	until  int64 // of the request; 0 is for ever

	live *eventlog.Cursor
	past *past // what comes first; nil once it has come
	only bool  // nothing comes after it
	more bool  // Next has not come to the end of what past has, even if it returned nothing

	// behind is set while there is a past: readers do not wait for who writes that.
	behind atomic.Bool

	late      bool   // the time is later than until
	lastTurns uint64 // turns of the dispatch lock when that was noticed

	opening [][]byte // what the live part begins with

	dictionary *session.Dictionary // what the client has
	delivered  uint64              // of past
	leftOut    uint64              // of live
	lost       uint64              // of it
	ended      bool                // the last frame is made

	// What the client is told of events that it does not ask for.
	passed      uint64 // in the history, once past is nil
	notAccepted uint64 // of the counters, before the session
	toldSkipped uint64 // how many it knows of
	toldAt      uint64 // server.ticks then

	out  []byte  // what the client gets next
	buf  *[]byte // of sessionBuffers that out is a part of; nil if out is memory of its own, as a greeting is
	kept int     // bytes of out that count in server.kept
}

// sessionBufferSize is how many bytes of frames are made at a time, but for an event that has more.
const sessionBufferSize = 64 << 10

// maxPassed is how many bytes of the history are looked at at a time for what the client wants.
const maxPassed = 128 << 10

// sessionBuffers holds buffers of sessions that write: one that is blocked keeps only what it has to write.
var sessionBuffers = sync.Pool{New: func() any {
	buf := make([]byte, 0, sessionBufferSize+payload.MaxOverhead)
	return &buf
}}

// Next is described at [eventlog.Cursor].
func (s *sessionStream) Next() []byte {
	if len(s.out) == 0 && !s.ended {
		s.buf = sessionBuffers.Get().(*[]byte)
		s.out = s.fill((*s.buf)[:0])
		if len(s.out) == 0 {
			s.releaseOut()
		}
	}
	return s.out
}

// Wrote is described at [eventlog.Cursor].
func (s *sessionStream) Wrote(n int) (ok bool) {
	s.out = s.out[n:]
	if len(s.out) == 0 {
		s.releaseOut()
		return true
	}
	if s.kept > 0 {
		return true
	}
	rest := slices.Clone(s.out)
	s.releaseOut()
	s.out, s.kept = rest, len(rest)
	kept := s.server.kept.Add(int64(s.kept)) // what is the only one is never too large
	return kept == int64(s.kept) || kept <= int64(s.server.agent.queueBytes/4)
}

// releaseOut gives the memory back that is behind out.
func (s *sessionStream) releaseOut() {
	if s.buf != nil && cap(*s.buf) <= 2*sessionBufferSize {
		sessionBuffers.Put(s.buf)
	}
	s.server.kept.Add(-int64(s.kept))
	s.out, s.buf, s.kept = nil, nil, 0
}

// fill appends the next frames to buf.
func (s *sessionStream) fill(buf []byte) []byte {
	buf = s.appendNews(buf)
	s.more = false
	if s.past != nil {
		if buf = s.appendEvents(buf); len(buf) >= sessionBufferSize || s.ended || s.more {
			return buf
		}
		s.endPast()
		if !s.only {
			buf = session.AppendLive(buf)
		}
	}
	if s.only {
		return s.end(buf)
	}
	for _, data := range s.opening {
		buf = session.AppendEvent(buf, time.Now().UnixNano(), 0, data)
	}
	s.opening = nil
	over := s.over() // asked before the log is
	buf = s.appendEvents(s.appendSkipped(buf, over))
	if over && !s.ended && len(buf) < sessionBufferSize {
		return s.end(buf)
	}
	return buf
}

// over tells whether all events until the time that the client asked for are in the log. Those who were
// distributing events at that time may have some that are not.
func (s *sessionStream) over() bool {
	if !s.isBehind(time.Now().UnixNano()) {
		s.late = false
		return false
	}
	dispatch := &s.server.agent.dispatch
	if !s.late {
		s.late, s.lastTurns = true, dispatch.turns()
	}
	return dispatch.over(s.lastTurns)
}

// end appends the last frame, and what the client is to know before.
func (s *sessionStream) end(buf []byte) []byte {
	s.ended = true
	return session.AppendEnd(s.appendSkipped(buf, true))
}

// appendNews appends what has changed of the dictionary.
func (s *sessionStream) appendNews(buf []byte) []byte {
	current := s.server.dictionary.Load()
	if current == s.dictionary {
		return buf
	}
	changes, changed := current.Since(s.dictionary)
	s.dictionary = current
	if !changed {
		return buf
	}
	buf, err := session.AppendDictionary(buf, &changes)
	if err != nil {
		s.server.agent.log.WithError(err).Error("Telling a client the names that have changed failed")
	}
	return buf
}

// appendSkipped appends how many events the client does not ask for, if it is to get another frame now or a second is over.
func (s *sessionStream) appendSkipped(buf []byte, now bool) []byte {
	if s.wants.Everything() {
		return buf
	}
	skipped, more := s.live.Others()
	if s.past != nil {
		skipped += s.past.others
	}
	skipped += s.passed + s.leftOut + s.server.agent.counters.notAccepted() - s.notAccepted
	if tick := s.server.ticks.Load(); tick != s.toldAt {
		s.toldAt, now = tick, true
	}
	if skipped == s.toldSkipped || !now && !more {
		return buf
	}
	s.toldSkipped = skipped
	return session.AppendSkipped(buf, skipped)
}

// appendEvents appends what the history or, once that is over, the event log has, until the buffer is full.
func (s *sessionStream) appendEvents(buf []byte) []byte {
	for passed := 0; len(buf) < sessionBufferSize && !s.ended; {
		if passed >= maxPassed && s.past != nil {
			s.more = true
			return buf
		}
		cursor, run := s.nextRun()
		if len(run) == 0 {
			return buf
		}
		size, before := 0, s.delivered
		for n := 0; size < len(run) && len(buf) < sessionBufferSize; n++ {
			var pl payload.Payload
			length, err := payload.DecodeShared(run[size:], &pl)
			if err != nil { // it can't be, see stream.deliver
				s.server.agent.log.WithError(err).Error("Ending a session, its place in the event log has no payload")
				buf = s.end(buf)
				break
			}
			at, accepted := cursor.Time(n)
			if s.past == nil && accepted && s.isBehind(at) {
				buf = s.end(buf)
				break
			}
			size += length
			buf = s.appendPayload(buf, &pl, at, accepted)
		}
		if s.past != nil {
			s.past.wrote(size, s.delivered-before)
		} else {
			cursor.Wrote(size)
		}
		passed += size
	}
	return buf
}

// isBehind tells whether a time is behind what the client wants.
func (s *sessionStream) isBehind(at int64) bool { return s.until != 0 && at > s.until }

// nextRun returns encoded payloads, and the cursor that they are of.
func (s *sessionStream) nextRun() (*eventlog.Cursor, []byte) {
	if s.past != nil {
		return s.past.cursor, s.past.next()
	}
	return s.live, s.live.Next()
}

// appendPayload appends a payload, unless it is one of the past that is not wanted. If the log has not accepted it, it is a loss of
// the client's own.
func (s *sessionStream) appendPayload(buf []byte, pl *payload.Payload, at int64, accepted bool) []byte {
	own := session.LostByReader
	switch {
	case s.past == nil && s.shared && accepted && ofOthers(s.wants, pl):
		s.leftOut += max(1, pl.Lost)
		return buf
	case s.past == nil:
	case !accepted:
		own = session.LostFromHistory
		if pl.Lost = s.past.ownLoss(); pl.Lost == 0 {
			return buf
		}
	case s.isBehind(at): // of the time before the clock was set back: others can come behind it
		return buf
	case !wantsPayload(s.wants, pl):
		return buf
	default:
		s.delivered += max(1, pl.Lost)
	}
	if !accepted {
		return session.AppendLoss(buf, session.Loss{Time: time.Now().UnixNano(), Count: pl.Lost, CPU: pl.CPU, Cause: own})
	}
	if typ, ok := pl.RateLimited(); ok {
		return session.AppendLoss(buf, session.Loss{Time: at, Count: pl.Lost, CPU: payload.CPULostByReader, Cause: session.LostByRateLimit, Type: typ})
	}
	if pl.Type == payload.RecordLost {
		return session.AppendLoss(buf, session.Loss{Time: at, Count: pl.Lost, CPU: pl.CPU, Cause: session.LostInKernel})
	}
	return session.AppendEvent(buf, at, pl.CPU, pl.Data)
}

func (s *sessionStream) endPast() {
	if s.past != nil {
		s.lost, s.passed = s.past.lost, s.past.others
		s.past.close()
		s.past = nil
		s.behind.Store(false)
	}
}

// CaughtUp is described at [eventlog.Cursor].
func (s *sessionStream) CaughtUp() bool {
	return len(s.out) == 0 && (s.ended || s.past == nil && s.live.CaughtUp())
}

// Delivered is described at [eventlog.Cursor], as are Lost and Lag.
func (s *sessionStream) Delivered() uint64 { return s.delivered + s.live.Delivered() - s.leftOut }

// Lost is described at Delivered.
func (s *sessionStream) Lost() uint64 {
	if s.past != nil {
		return s.past.lost + s.live.Lost()
	}
	return s.lost + s.live.Lost()
}

// Lag is described at Delivered.
func (s *sessionStream) Lag() uint64 {
	if s.past != nil {
		return s.past.lag() + s.live.Lag()
	}
	return s.live.Lag()
}

// Close frees the cursors.
func (s *sessionStream) Close() {
	s.releaseOut()
	s.endPast()
	s.live.Close()
}
