// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"math"
	"slices"

	"github.com/cilium/monitor/api/payload"
)

// Cursor is a reader's place in a log. It is not safe for concurrent use, except
// with the log itself and with other cursors.
//
// At any time: events committed for its class since the cursor was made = Delivered + Lost +
// those that are yet to come.
type Cursor struct {
	log     *Log
	class   int
	segment uint64 // number of the segment
	next    int    // the payload of the segment that comes next

	// Counts of events of the class. place counts those committed before the cursor's place, of
	// all in Log.counts; end is where it stops.
	start, place, end, lost uint64

	others uint64 // events committed for other classes only, when it was made

	// extra is what comes before the next bytes of the log: the opening of the
	// stream, a RecordLost payload, or the end of a payload that was cut by a
	// short write. Of a cut payload, kept is the size in the log's memory.
	extra []byte
	kept  int

	writing *segment // the segment of the last Next; nil if it returned extra
	marks   []mark   // of the payloads that it returned
}

// NewCursor returns a cursor of a class at the end of the log. opening is what it returns before
// anything else. The caller calls Close when it is done with the cursor.
func (l *Log) NewCursor(class int, opening []byte) *Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursors++
	l.users[class]++
	l.active |= Of(class)
	c := &Cursor{log: l, class: class, extra: opening, start: l.counts[class], place: l.counts[class], end: math.MaxUint64}
	c.others = l.accepted - l.counts[class]
	if s := l.newestLocked(); s != nil {
		c.segment = s.number
		c.next = len(s.ends)
	}
	return c
}

// Segment returns the number of the segment that the cursor is in: that of the payload which the function of Rewind is called for,
// and the one behind what was dropped if Next returned that loss.
func (c *Cursor) Segment() uint64 { return c.segment }

// SkipTo moves the cursor on to the beginning of a segment that Rewind came by, unless it is there already or the log has dropped that. What it
// passes counts as delivered.
func (c *Cursor) SkipTo(segment uint64) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if segment <= c.segment || len(c.extra) > 0 || len(l.segments) == 0 || segment < l.segments[0].number {
		return
	}
	s := l.segments[segment-l.segments[0].number]
	c.segment, c.next, c.place = s.number, 0, s.before[c.class]
}

// Others returns the number of events that were committed since the cursor was made and are not for its class, and
// whether there are any for its class that the cursor is yet to come to.
func (c *Cursor) Others() (events uint64, more bool) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted - l.counts[c.class] - c.others, min(l.counts[c.class], c.end) > c.place
}

// Rewind moves the cursor back, payload by payload of its class, as long as more returns true for the one
// before its place, which has the given time. frame is valid until more returns. It comes before the
// first Next. What the cursor comes to is what the log has at the time, which has to be of a time when its class
// had a cursor: else it is not in the counts.
func (c *Cursor) Rewind(more func(frame []byte, time int64) bool) {
	for {
		s, run, ends := c.borrow()
		if s == nil {
			return
		}
		for c.next > 0 {
			m := ends[c.next-1]
			if m.classes.Has(c.class) {
				if !more(run[endOf(ends, c.next-1):m.end], m.time) {
					break
				}
				c.start, c.place = c.start-m.events, c.place-m.events
			}
			c.next--
		}
		if !c.giveBack(s) {
			return
		}
	}
}

// borrow returns the segment that the cursor is in, which is not used again before giveBack is called, and
// what it has; nil if there is none.
func (c *Cursor) borrow() (s *segment, run []byte, ends []mark) {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 || c.segment < l.segments[0].number {
		return nil, nil, nil
	}
	s = l.segments[c.segment-l.segments[0].number]
	s.users++
	return s, s.run, s.ends
}

// giveBack ends what borrow began. If the cursor is at the beginning of the segment it is moved to the end of
// the one before; it returns false if it is not, or if there is none.
func (c *Cursor) giveBack(s *segment) bool {
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	s.users--
	if c.next > 0 || c.segment <= l.segments[0].number {
		return false
	}
	before := l.segments[c.segment-1-l.segments[0].number]
	c.segment, c.next = before.number, len(before.ends)
	return true
}

// StopHere has the cursor return nothing that is committed from now on: it has caught up once it came to
// what the log has.
func (c *Cursor) StopHere() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.end = c.log.counts[c.class]
}

// Next returns bytes to write next: as many as lie together, and none if the
// cursor has caught up. They may be used until the call of Wrote that has to
// follow.
func (c *Cursor) Next() []byte {
	if len(c.extra) > 0 {
		return c.extra
	}
	l := c.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.segments) == 0 || c.place >= c.end {
		return nil
	}
	oldest := l.segments[0]
	if c.segment < oldest.number {
		c.skipToLocked(oldest)
		if len(c.extra) > 0 {
			return c.extra
		}
	}
	s := l.segments[c.segment-oldest.number]
	for {
		for c.next < len(s.ends) && !s.ends[c.next].classes.Has(c.class) {
			c.next++
		}
		if c.next < len(s.ends) {
			break
		}
		if s == l.newestLocked() {
			return nil
		}
		s = l.segments[c.segment+1-oldest.number]
		c.segment, c.next = s.number, 0
	}
	until, place := c.next, c.place
	for until < len(s.ends) && s.ends[until].classes.Has(c.class) && place < c.end {
		place += s.ends[until].events
		until++
	}
	s.users++
	c.writing, c.marks = s, s.ends[c.next:until]
	return s.run[endOf(s.ends, c.next):s.ends[until-1].end]
}

// Time returns the time of the nth payload, from 0, that the last Next returned and Wrote was not
// called for; false if there is none, since what Next returned is no part of the log.
func (c *Cursor) Time(n int) (time int64, ok bool) {
	if c.writing == nil {
		return 0, false
	}
	return c.marks[n].time, true
}

// skipToLocked moves the cursor to the start of s, and has it report the events that it
// missed on the way. The caller holds the log's mutex.
func (c *Cursor) skipToLocked(s *segment) {
	before := min(s.before[c.class], c.end)
	missed := before - c.place
	c.segment, c.next, c.place = s.number, 0, before
	c.lost += missed
	if missed > 0 {
		c.extra = payload.AppendValue(nil, &payload.Payload{
			CPU: payload.CPULostByReader, Lost: missed, Type: payload.RecordLost,
		})
	}
}

// Wrote tells the cursor that the first n bytes which Next returned are written.
// If a payload was cut, its other end is kept, so that the stream stays whole
// whatever the log drops in the meantime. It returns false if there is no room for that end among
// the log's bytes: then the stream can't go on.
func (c *Cursor) Wrote(n int) (ok bool) {
	if c.writing == nil {
		c.extra = c.extra[n:]
		if len(c.extra) == 0 {
			c.log.mu.Lock()
			defer c.log.mu.Unlock()
			c.forgetLocked()
		}
		return true
	}
	s := c.writing
	c.writing = nil
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	s.users--
	if n == 0 {
		return true
	}
	end := endOf(s.ends, c.next) + n
	var m mark
	for m.end < end {
		m = s.ends[c.next]
		c.place += m.events
		c.next++
	}
	return m.end == end || c.keepLocked(s.run[end:m.end])
}

// keepLocked keeps the other end of a payload that was cut, if there is room for it. The caller
// holds the log's mutex.
func (c *Cursor) keepLocked(rest []byte) (ok bool) {
	l := c.log
	l.dropLocked(len(rest))
	if l.memory+len(rest) > l.bytes {
		return false
	}
	c.extra = slices.Clone(rest)
	c.kept = len(rest)
	l.memory += c.kept
	return true
}

// forgetLocked undoes keepLocked. The caller holds the log's mutex.
func (c *Cursor) forgetLocked() {
	c.log.memory -= c.kept
	c.extra, c.kept = nil, 0
}

// CaughtUp tells whether there is nothing to write at the moment.
func (c *Cursor) CaughtUp() bool { return len(c.extra) == 0 && c.Lag() == 0 }

// Delivered returns the number of events that were written, Lost the number
// that were reported lost instead. A loss that the datapath reported counts as
// the events that it lost.
func (c *Cursor) Delivered() uint64 { return c.place - c.start - c.lost }

// Lost is described at Delivered.
func (c *Cursor) Lost() uint64 { return c.lost }

// Lag returns the number of events for its class that the log has and the cursor is yet to come to.
func (c *Cursor) Lag() uint64 {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	return min(c.log.counts[c.class], c.end) - c.place
}

// Close frees the cursor.
func (c *Cursor) Close() {
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	c.log.cursors--
	if c.log.users[c.class]--; c.log.users[c.class] == 0 {
		c.log.active = c.log.active.Without(c.class)
	}
	c.forgetLocked()
	c.log.dropLocked(0)
}
