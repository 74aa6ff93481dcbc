// SPDX-License-Identifier: Apache-2.0

// Package eventlog keeps the last events, each encoded once, for any number of
// readers that each go at their own pace.
//
// The log is a bounded sequence of segments. A segment is a block of memory that
// encoded payloads are appended to; once it is full the next one is begun, and the
// oldest ones are dropped. What was committed never changes. A [Cursor] is a
// reader's place in the log: it hands out whole runs of bytes, which are ready
// to be written to a socket, and where events were dropped before the cursor came
// to them, a RecordLost payload that counts them.
//
// A cursor holds its place as a number, not as a pointer, so a reader that does not
// read keeps nothing in memory but the rest of a payload that it was given in part: the log is
// bounded by its size, not by size times readers.
//
// It is bounded in events and in bytes. The bytes are those that it takes from the machine: whole
// segments, however little is in them, and the payloads that cursors have in part. A segment that
// somebody else retains slices of counts until the log drops it; from then on it is the retainer's,
// all of it, for one event that is kept.
//
// Readers belong to one of 64 classes, and each event is for a set of classes: a cursor passes over
// those that are not for its own, and counts them neither as delivered nor as lost. What a class
// means is the caller's business.
package eventlog

import (
	"math/bits"
	"slices"
	"sync"

	"github.com/cilium/monitor/api/payload"
)

// SegmentSize is the size in bytes of a segment, unless a single event is larger.
const SegmentSize = 64 << 10

// Classes is a set of classes of readers: bit n stands for class n.
type Classes uint64

const (
	// MaxClasses is the number of classes there can be.
	MaxClasses = 64

	// AllClasses is the set of all of them.
	AllClasses = ^Classes(0)
)

// Has tells whether a class is in the set.
func (c Classes) Has(class int) bool { return c>>class&1 != 0 }

// Of returns the set of one class.
func Of(class int) Classes { return 1 << class }

// First returns the first class of a set that is not empty.
func (c Classes) First() int { return bits.TrailingZeros64(uint64(c)) }

// Without returns the set without a class.
func (c Classes) Without(class int) Classes { return c &^ Of(class) }

// Log is a bounded log of encoded payloads.
//
// Append, Sample and Commit are for one goroutine at a time; everything else may
// be used at any time.
type Log struct {
	size          int // events to keep
	bytes         int // of memory to take for them
	segmentEvents int // most events in a segment
	segmentSize   int // bytes

	// The appending side, which the caller serialises.
	tail       *segment   // where events are appended
	fresh      []*segment // begun since the last commit; the last one is tail
	freshBytes int        // of memory that they take
	retain     bool
	time       int64  // of what is appended next
	appended   uint64 // events appended ever

	mu       sync.Mutex // guards what follows, and the published part of segments
	segments []*segment // oldest first; their numbers are consecutive
	events   int        // committed events in segments
	accepted uint64     // events committed ever
	memory   int        // bytes in segments, those begun included, and what cursors have in part
	free     *segment   // a dropped segment to begin the next one with

	cursors int
	users   [MaxClasses]int    // cursors of each class
	active  Classes            // those that have any
	counts  [MaxClasses]uint64 // events committed for each class while it was active
}

// segment is a block of encoded payloads.
type segment struct {
	number uint64

	// The appending side.
	buf      []byte // never grows beyond its capacity, so that slices of it stay valid
	marks    []mark // one for each payload in buf
	retained bool   // somebody may still have slices of buf: it can't be used again

	// The published side, guarded by Log.mu.
	run    []byte   // what of buf is committed
	ends   []mark   // what of marks is committed
	before []uint64 // Log.counts before its first event, as far as classes are active
	users  int      // cursors that are writing from it
	bytes  int      // of it in Log.memory
}

// mark is a payload's place.
type mark struct {
	end     int    // in the segment's buf
	events  uint64 // that the payload stands for
	classes Classes
	time    int64
}

const markSize = 32

// New returns an empty log that keeps size events for its cursors, and at most an
// eighth more, in so many bytes of memory: of both bounds the one that is reached first holds.
// The newest events are kept in any case, so one that is larger than the bound is, and so is what
// is appended before one commit. size is at least 1.
func New(size, bytes int) *Log {
	const typicalEvent, smallestEvent, smallestSegment = 512, 32, 4096
	segmentEvents := max(1, size/8)
	segmentSize := min(max(segmentEvents, 2)*typicalEvent, max(bytes/16, smallestSegment), SegmentSize)
	return &Log{
		size:          size,
		bytes:         bytes - 2*segmentSize, // for free, with its marks
		segmentEvents: min(segmentEvents, segmentSize/smallestEvent),
		segmentSize:   segmentSize,
	}
}

// maxAhead is how far times may be ahead of the clock, in nanoseconds, so that they do not go back.
const maxAhead = 1e9

// SetTime sets the time of what is appended next, in nanoseconds. What comes behind that is a nanosecond later each: times
// are all different, and only go back where the clock has gone back by more than a second.
func (l *Log) SetTime(time int64) {
	if time > l.time || time < l.time-maxAhead {
		l.time = time
	}
}

// SetTimeOf sets the time of what is appended next to that of what other appended last.
func (l *Log) SetTimeOf(other *Log) { l.time = other.time - 1 }

// Sample appends an event of n bytes, for all classes. data is its place in the log: the caller fills
// it before the next Commit. It is never changed afterwards; a caller that hands it
// on to others before it commits says so with Retain.
func (l *Log) Sample(n, cpu int) (data []byte) {
	s := l.reserve(n)
	s.buf, data = payload.AppendSample(s.buf, n, cpu)
	l.mark(s, 1)
	return data
}

// Append appends a payload. data is the copy of its Data in the log, which
// follows the rules of Sample.
func (l *Log) Append(pl *payload.Payload) (data []byte) {
	if pl.Type == payload.EventSample {
		data = l.Sample(len(pl.Data), pl.CPU)
		copy(data, pl.Data)
		return data
	}
	s := l.reserve(len(pl.Data))
	s.buf = payload.AppendValue(s.buf, pl)
	l.mark(s, pl.Lost)
	return nil
}

// Narrow has what was appended last be for these classes only. If there are none it is taken out
// of the log again. It comes before the next Commit.
func (l *Log) Narrow(classes Classes) {
	s := l.tail
	last := len(s.marks) - 1
	if classes != 0 {
		s.marks[last].classes = classes
		return
	}
	l.appended -= s.marks[last].events
	s.marks = s.marks[:last]
	s.buf = s.buf[:endOf(s.marks, last)]
}

// Retain tells the log that slices which it returned since the last Commit may be
// kept by others: their segments will not be used again.
func (l *Log) Retain() { l.retain = true }

// reserve returns the segment to append n bytes of Data to.
func (l *Log) reserve(n int) *segment {
	n += payload.MaxOverhead
	s := l.tail
	if s != nil && len(s.buf)+n <= cap(s.buf) && len(s.marks) < l.segmentEvents {
		return s
	}
	next := l.newSegment(n)
	if s != nil {
		next.number = s.number + 1
	}
	l.tail = next
	l.fresh = append(l.fresh, next)
	l.freshBytes += next.size()
	return next
}

// Full tells whether it is time to commit: more without one would drop events that
// cursors which had caught up before have not seen yet.
func (l *Log) Full() bool { return l.freshBytes >= l.bytes/4 }

// newSegment returns an empty segment with room for n bytes. What it takes is dropped elsewhere
// before.
func (l *Log) newSegment(n int) *segment {
	size, marks := max(n, l.segmentSize), min(l.segmentEvents, l.segmentSize/128)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropLocked(size + marks*markSize)
	s := l.free
	if s != nil && n <= l.segmentSize {
		l.free = nil
		*s = segment{buf: s.buf[:0], marks: s.marks[:0], before: s.before[:0]}
	} else {
		s = &segment{buf: make([]byte, 0, size), marks: make([]mark, 0, marks)}
	}
	l.countLocked(s)
	return s
}

// size returns the bytes of memory that s takes.
func (s *segment) size() int { return cap(s.buf) + cap(s.marks)*markSize + cap(s.before)*8 }

// endOf returns where the first n payloads of a segment end.
func endOf(marks []mark, n int) int {
	if n == 0 {
		return 0
	}
	return marks[n-1].end
}

// countLocked counts what s takes by now. The caller holds l.mu.
func (l *Log) countLocked(s *segment) {
	l.memory += s.size() - s.bytes
	s.bytes = s.size()
}

// mark ends a payload that stands for the given number of events.
func (l *Log) mark(s *segment, events uint64) {
	s.marks = append(s.marks, mark{end: len(s.buf), events: events, classes: AllClasses, time: l.time})
	l.time++
	l.appended += events
}

// Commit gives everything that was appended to the cursors.
func (l *Log) Commit() {
	if l.tail == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publishLocked(l.newestLocked())
	for _, s := range l.fresh {
		l.segments = append(l.segments, s)
		l.publishLocked(s)
	}
	l.fresh = slices.Delete(l.fresh, 0, len(l.fresh))
	l.freshBytes = 0
	l.retain = false
	l.accepted = l.appended
	l.dropLocked(0)
}

// newestLocked returns the newest published segment, or nil. The caller holds l.mu.
func (l *Log) newestLocked() *segment {
	if len(l.segments) == 0 {
		return nil
	}
	return l.segments[len(l.segments)-1]
}

func (l *Log) publishLocked(s *segment) {
	if s == nil {
		return
	}
	if len(s.ends) == 0 {
		s.before = append(s.before[:0], l.counts[:bits.Len64(uint64(l.active))]...)
	}
	for _, m := range s.marks[len(s.ends):] {
		for classes := m.classes & l.active; classes != 0; classes &= classes - 1 {
			l.counts[classes.First()] += m.events
		}
	}
	l.events += len(s.marks) - len(s.ends)
	s.run = s.buf
	s.ends = s.marks
	s.retained = s.retained || l.retain
	l.countLocked(s)
}

// dropLocked drops the segments that the log need not keep, or can't if it is to take so many bytes
// more. Without a cursor that is all but the one that is appended to. The caller holds l.mu.
func (l *Log) dropLocked(more int) {
	n := 0
	for n < len(l.segments)-1 {
		oldest := l.segments[n]
		if l.cursors > 0 && l.events-len(oldest.ends) < l.size && l.memory+more <= l.bytes {
			break
		}
		l.events -= len(oldest.ends)
		l.memory -= oldest.bytes
		if !oldest.retained && oldest.users == 0 && cap(oldest.buf) == l.segmentSize {
			l.free = oldest
		}
		n++
	}
	l.segments = slices.Delete(l.segments, 0, n)
}

// Memory returns the bytes of memory that the log takes, which New bounds.
func (l *Log) Memory() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free != nil {
		return l.memory + l.free.size()
	}
	return l.memory
}

// Kept returns the number of payloads that the log has for its cursors, and the time of the first of them,
// 0 if there is none.
func (l *Log) Kept() (payloads int, oldest int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if len(s.ends) > 0 {
			return l.events, s.ends[0].time
		}
	}
	return 0, 0
}

// Accepted returns the number of events that were ever committed, for whatever class. A loss that the
// datapath reported counts as the events that it lost.
func (l *Log) Accepted() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.accepted
}
