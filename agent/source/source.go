// SPDX-License-Identifier: Apache-2.0

// Package source says what an agent can read events from: something that a datapath, or
// anybody else, writes records into, and that can be waited for.
//
// A [Source] is attached to an agent with its AttachSource. It costs nothing until somebody
// subscribes: then the agent calls Open, reads the [Rings] that it returns on a
// goroutine of its own, and closes them when the last subscriber is gone. So one source is
// opened and closed any number of times.
//
//	AttachSource ── Open ── Wait, Next, Release, ... ── Unmap, Close ── Open ── ... ── Close of the Source
//
// The agent's perf ring buffers and ring buffers are its first implementations; the example shows the
// shortest one.
package source

import (
	"errors"
	"time"
)

// MaxCPUs is more than the number of CPUs of any machine.
const MaxCPUs = 1 << 16

// Forever is the time-out of a [Rings.Wait] that has none.
const Forever = time.Duration(-1)

// Source is where events come from. The agent calls its methods one at a time, with a lock held: they
// return soon, and must not call the agent.
type Source interface {
	// Open begins to take events and returns what they are read from. If it fails it is
	// called again later, as long as somebody is subscribed. When a subscriber comes at once
	// after the last one has gone, the Rings of the Open before are unmapped, but may not be
	// closed yet.
	Open() (Rings, error)

	// Close frees what the source has. It is called once, after the last Rings are closed,
	// when the source is detached or the agent stops.
	Close() error
}

// Suppressed are the events of a message type that whoever makes events did not make although they were wanted.
type Suppressed struct {
	Type        uint8
	RateLimited uint64 // there were more than the rate limit allows: subscribers are told that they are lost
	Aggregated  uint64 // they had nothing new to tell: they are counted
}

// Suppressor is a [Source] that can tell what was suppressed. It is asked once it is opened, and then up to ten times a
// second while events come, every second, and at the end.
type Suppressor interface {
	Source

	// TakeSuppressed returns what was suppressed since the last call, for each message type of which
	// anything was. It is about what comes before, among, and just behind the records that are in the rings by then.
	TakeSuppressed() ([]Suppressed, error)
}

// ErrNotSelective is wrapped by errors of [Selective.SetWanted] that say why whoever makes the events can't be told, and makes all
// of them. It is reported, and the source is read.
var ErrNotSelective = errors.New("all events are made, whether anybody wants them or not")

// Rings are what an open source is read from. One goroutine calls Wait and the methods of each
// [Ring], none of them after Unmap but Wait. Any goroutine may call Wake, Detach and Unmap, also
// while Wait is under way, but none of these while a method of a Ring is. Close comes last, when
// nothing else is under way, and need not come after an Unmap. Detach and Unmap may be called
// again, in any order.
//
// All methods but Wait, those of a Ring included, are called with locks held: they return soon, and
// must not call the agent.
type Rings interface {
	// All returns the rings, always the same ones.
	All() []Ring

	// Wait blocks until a ring wakes the reader up, Wake is called, or the time-out has
	// passed; [Forever] never does. It returns the rings that it was, by their index in All; the
	// slice is valid until the next Wait. Only these are looked at, and those that are [Lazy]. So it
	// may return early and for nothing, and rings that have nothing, but must not miss a record that
	// was written after the last time that Next of its ring returned false, if by the ring's mode that
	// record wakes the reader up.
	Wait(timeout time.Duration) (woken []int, err error)

	// Wake makes the current or the next Wait return.
	Wake() error

	// Detach has whoever writes stop writing. What the rings have can still be read.
	Detach() error

	// Unmap detaches and frees the rings' memory: no method of a Ring is called any
	// more. It comes while a Wait may be under way, so that a datapath stops paying at
	// once.
	Unmap() error

	// Close frees what is left.
	Close() error
}

// Ring is a queue of records in the order of their writing, of one CPU for example. It may
// implement [Throttle] and [LossCounter], too.
type Ring interface {
	// CPU is the CPU that its records are reported for, from 0 to below [MaxCPUs]; 0 if that
	// means nothing. It never changes.
	CPU() int

	// Pending returns how much is waiting to be read, in a unit of the ring's own; 0 if
	// there is nothing.
	Pending() int

	// Next sets all of rec to the next record, and returns false if there is none. After an
	// error what was in the ring is lost, and reading can go on. A ring that has nothing but
	// errors is given up: the source is opened again.
	Next(rec *Record) (ok bool, err error)

	// Release frees the space of all records that Next returned.
	Release()
}

// Mode says when a ring wakes its reader up.
type Mode int

const (
	// Eager wakes the reader up for every record. Every ring is in this mode when opened.
	Eager Mode = iota

	// Once wakes the reader up for the next record, and is as good as Lazy after that, until
	// SetMode is called again. It may do so some more times, before the reader is there for example.
	Once

	// Lazy wakes the reader up whenever much has been written, half of the ring for
	// example. For records before that the reader looks into the ring by itself.
	Lazy
)

// Throttle is a [Ring] whose reader can choose when to be woken up. One that is no Throttle
// is always eager.
type Throttle interface {
	Ring

	// SetMode changes the mode; Once begins anew each time. Records that were written just before need
	// not have woken the reader: it looks into the ring at once afterwards, and again some
	// milliseconds later. It is called up to some thousand times a second. After an error that wraps
	// [ErrStale] the mode is what it was, and [Checker.Check] is asked at once.
	SetMode(Mode) error
}

// LossCounter is a [Ring] that knows of losses before there is a record of them. It is asked every
// second, when it is to wake the reader up again, and at the end.
type LossCounter interface {
	Ring

	// LostNow returns how many events were lost that neither a record nor an earlier
	// LostNow told of. Records of the same losses count them no more.
	LostNow() (uint64, error)
}

// ErrStale is wrapped by errors of [Checker.Check] and [Throttle.SetMode] that an Open may help against.
var ErrStale = errors.New("the rings are stale")

// Checker is [Rings] that can tell whether they still get all that is written. It is asked every
// second, and after an [ErrStale] of SetMode, by the goroutine that calls Wait.
type Checker interface {
	Rings

	// Check returns nil if the rings get all that is written, and otherwise why they don't,
	// which is reported. If the error wraps [ErrStale] the source is opened again; once that
	// succeeds, these rings are detached, drained and closed. So Open comes before
	// that: rings that take the place of others must not be affected by the end of these.
	Check() error
}

// Kind is the kind of a [Record].
type Kind int

const (
	Sample  Kind = iota // an event
	Lost                // a number of events that found the ring full
	Unknown             // something that is not known: it is counted and passed over
)

// MaxSample is the size in bytes of the largest sample that is delivered. Larger ones, and those of 0
// bytes, which have no message type, are counted as Unknown.
const MaxSample = 1 << 20

// Record is what was written into a ring in one go.
type Record struct {
	Kind Kind

	// Head and Tail are the data of a Sample: Tail has what was written behind the
	// end of a ring, at its beginning. Both may lie in the ring: they are valid
	// until [Ring.Release]. The first byte is the message type.
	Head, Tail []byte

	// Lost is the number of events of a Lost record.
	Lost uint64

	// Size is what the record takes of the ring, in the unit of [Ring.Pending]; 0 is taken
	// for 1.
	Size int
}
