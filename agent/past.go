// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"math"
	"slices"
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// past is what a subscriber gets of the history: from where it begins to where the history ended when the subscriber
// came. Its counts are of what the subscriber wants. It is guarded by what guards the subscriber's cursor in the event log.
type past struct {
	cursor *eventlog.Cursor
	wants  interest.Interest
	from   begin
	left   uint64 // events that count for where it begins, and are not found yet

	segments []pastSegment // of the history that have something, the newest first
	wanted   uint64        // events in all of them
	others   uint64        // that were looked at, and are not wanted

	delivered uint64
	lost      uint64 // that the history dropped before they were delivered
	told      uint64 // of lost
}

// pastSegment is how many events are wanted of a segment of the history.
type pastSegment struct{ number, wanted uint64 }

// newPast returns the past at its end, from where rewind goes back; nil if there is no history. The caller calls close.
func (h *history) newPast(wants interest.Interest, from begin) *past {
	if h == nil {
		return nil
	}
	p := &past{cursor: h.log.NewCursor(everything, nil), wants: wants, from: from, left: math.MaxUint64}
	p.cursor.StopHere()
	if from.last > 0 {
		p.left = uint64(from.last)
	}
	return p
}

// rewind goes back to where the subscriber begins, by at most so many bytes, and returns whether it is there. What match says does not match is
// not counted as one of the last ones; nil matches all.
func (p *past) rewind(most int, match func(Event) bool) (done bool) {
	done = true
	since := int64(math.MinInt64)
	if !p.from.since.IsZero() {
		since = nanoseconds(p.from.since)
	}
	var pl payload.Payload
	p.cursor.Rewind(func(frame []byte, at int64) bool {
		switch {
		case p.left == 0 || at < since:
			return false
		case most <= 0:
			done = false
			return false
		}
		most -= len(frame)
		if p.from.until != 0 && at > p.from.until {
			return true
		}
		if _, err := payload.DecodeShared(frame, &pl); err != nil || !wantsPayload(p.wants, &pl) {
			p.others++
			return true
		}
		p.count(max(1, pl.Lost))
		if pl.Type == payload.EventSample && (match == nil || match(Event{Time: time.Unix(0, at), Payload: &pl})) {
			p.left--
		}
		return true
	})
	return done
}

// nanoseconds returns a time as the log has it, or the first or last that it can have.
func nanoseconds(t time.Time) int64 {
	first, last := int64(math.MinInt64), int64(math.MaxInt64)
	switch {
	case t.Before(time.Unix(0, first)):
		return first
	case t.After(time.Unix(0, last)):
		return last
	}
	return t.UnixNano()
}

// count counts events that are wanted, where the cursor is.
func (p *past) count(events uint64) {
	if n := len(p.segments); n == 0 || p.segments[n-1].number != p.cursor.Segment() {
		p.segments = append(p.segments, pastSegment{number: p.cursor.Segment()})
	}
	p.segments[len(p.segments)-1].wanted += events
	p.wanted += events
}

// next returns encoded payloads, that wrote has to be called for; none at the end. A payload that the history has no time of is
// a loss, of what ownLoss returns.
func (p *past) next() []byte {
	if p.lag() == 0 {
		return nil
	}
	p.skip()
	before := p.cursor.Lost()
	run := p.cursor.Next()
	if p.cursor.Lost() != before { // all before the cursor is delivered or lost
		p.lost = p.wantedBefore(p.cursor.Segment()) - p.delivered
	}
	return run
}

// skip passes over segments that have nothing.
func (p *past) skip() {
	for _, s := range slices.Backward(p.segments) {
		if s.number >= p.cursor.Segment() {
			p.cursor.SkipTo(s.number)
			return
		}
	}
}

// wantedBefore returns how many events are wanted of the segments before one.
func (p *past) wantedBefore(number uint64) (events uint64) {
	for _, s := range p.segments {
		if s.number < number {
			events += s.wanted
		}
	}
	return events
}

// ownLoss returns how many events that are wanted the history dropped since it was called before.
func (p *past) ownLoss() uint64 {
	lost := p.lost - p.told
	p.told = p.lost
	return lost
}

// wrote ends what next began: so many bytes of it are passed, and events that are wanted delivered.
func (p *past) wrote(size int, delivered uint64) {
	p.delivered += delivered
	p.cursor.Wrote(size)
}

// lag returns how many events are yet to come.
func (p *past) lag() uint64 { return p.wanted - p.delivered - p.lost }

func (p *past) close() { p.cursor.Close() }
