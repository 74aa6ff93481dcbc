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
	past *eventlog.Cursor // what comes first; nil once it has come
	only bool             // nothing comes after it
	more bool             // Next has not come to the end of what past has, even if it returned nothing

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

	out  []byte  // what the client gets next
	buf  *[]byte // of sessionBuffers that out is a part of; nil if out is memory of its own
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
	if s.buf == nil {
		return true
	}
	rest := slices.Clone(s.out)
	s.releaseOut()
	s.out, s.kept = rest, len(rest)
	return s.server.kept.Add(int64(s.kept)) <= int64(s.server.agent.queueBytes/4)
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
		if buf = s.appendEvents(buf, s.past, session.LostFromHistory); len(buf) >= sessionBufferSize || s.ended || s.more {
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
	buf = s.appendEvents(buf, s.live, session.LostByReader)
	if over && !s.ended && len(buf) < sessionBufferSize {
		return s.end(buf)
	}
	return buf
}

// over tells whether all events until the time that the client asked for are in the log. Those who were
// distributing events at that time may have some that are not.
func (s *sessionStream) over() bool {
	if s.until == 0 || time.Now().UnixNano() <= s.until {
		return false
	}
	dispatch := &s.server.agent.dispatch
	if !s.late {
		s.late, s.lastTurns = true, dispatch.turns()
	}
	return dispatch.over(s.lastTurns)
}

// end appends the last frame.
func (s *sessionStream) end(buf []byte) []byte {
	s.ended = true
	return session.AppendEnd(buf)
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

// appendEvents appends what a cursor has, until the buffer is full.
func (s *sessionStream) appendEvents(buf []byte, cursor *eventlog.Cursor, own session.LossCause) []byte {
	for passed := 0; len(buf) < sessionBufferSize && !s.ended; {
		if passed >= maxPassed && cursor == s.past {
			s.more = true
			return buf
		}
		run := cursor.Next()
		if len(run) == 0 {
			return buf
		}
		size := 0
		for n := 0; size < len(run) && len(buf) < sessionBufferSize; n++ {
			var pl payload.Payload
			length, err := payload.DecodeShared(run[size:], &pl)
			if err != nil { // it can't be, see stream.deliver
				s.server.agent.log.WithError(err).Error("Ending a session, its place in the event log has no payload")
				buf = s.end(buf)
				break
			}
			at, accepted := cursor.Time(n)
			if accepted && s.until != 0 && at > s.until {
				buf = s.end(buf)
				break
			}
			size += length
			buf = s.appendPayload(buf, cursor, &pl, at, accepted, own)
		}
		cursor.Wrote(size)
		passed += size
	}
	return buf
}

// appendPayload appends a payload of a cursor, unless it is not wanted: who wants it of the past, or shares a class, is not known. If the log has not
// accepted it, it is a loss of the cursor's own.
func (s *sessionStream) appendPayload(buf []byte, cursor *eventlog.Cursor, pl *payload.Payload, at int64, accepted bool, own session.LossCause) []byte {
	if !accepted {
		return session.AppendLoss(buf, session.Loss{Time: time.Now().UnixNano(), Count: pl.Lost, CPU: pl.CPU, Cause: own})
	}
	switch {
	case cursor == s.past && !wantsPayload(s.wants, pl):
		return buf
	case cursor == s.past:
		s.delivered += max(1, pl.Lost)
	case s.shared && ofOthers(s.wants, pl):
		s.leftOut += max(1, pl.Lost)
		return buf
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
		s.lost += s.past.Lost()
		s.past.Close()
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
		return s.lost + s.past.Lost() + s.live.Lost()
	}
	return s.lost + s.live.Lost()
}

// Lag is described at Delivered.
func (s *sessionStream) Lag() uint64 {
	if s.past != nil {
		return s.past.Lag() + s.live.Lag()
	}
	return s.live.Lag()
}

// Close frees the cursors.
func (s *sessionStream) Close() {
	s.releaseOut()
	s.endPast()
	s.live.Close()
}
