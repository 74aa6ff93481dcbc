// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/cilium/monitor/agent/source"
)

// What a record looks like (kernel/bpf/ringbuf.c and linux/bpf.h): it begins at a multiple of 8 bytes
// with a length of 4 bytes, whose two highest bits are flags, and 4 bytes that are the kernel's.
const (
	headerSize = 8       // BPF_RINGBUF_HDR_SZ
	busyBit    = 1 << 31 // BPF_RINGBUF_BUSY_BIT: it is being written
	discardBit = 1 << 30 // BPF_RINGBUF_DISCARD_BIT: its program thought better of it
	alignment  = 8
)

// errCorrupt is returned for a record that can't be one.
var errCorrupt = errors.New("corrupt ring buffer")

// Frames takes the event out of a record that has something else in front of it or behind. The event
// lies in frame, or is valid for as long as that; ok is false if there is none.
type Frames func(frame []byte) (event []byte, ok bool)

// settleTime is how long the drain of a ring waits for records that were being written when it was
// detached. A program is done with one in microseconds, unless it is interrupted.
const settleTime = 20 * time.Millisecond

// Ring is a ring buffer. It implements [source.Throttle].
//
// The kernel wakes the reader up for a record that begins where the consumer's position is
// (bpf_ringbuf_commit in kernel/bpf/ringbuf.c): for one that finds the reader waiting for it. So the reader
// chooses by the position that it publishes. An eager ring publishes where the next record will be. A lazy
// one publishes where the last record is that it has read: nothing will be written there, and nobody is woken
// up. One that wakes the reader up once publishes where the next record is when that is asked for, and is lazy
// from there on. No program has to know of that.
type Ring struct {
	consumer *atomic.Uint64 // up to here records are read, the kernel may write from there on
	producer *atomic.Uint64 // up to here records are written, or being written
	data     []byte         // the ring twice in a row, so that no record is cut by its end
	size     uint64         // a power of two
	frames   Frames         // nil if a record is an event

	mode     source.Mode
	armed    uint64 // where pos was when the mode was set
	pos      uint64 // up to here records were returned or passed over
	last     uint64 // where the last one of these is; pos if there is none
	released uint64 // what consumer is, if nobody else reads
	begin    uint64 // what lies before was written before the ring was opened
	crowded  bool   // there may have been no room since its losses were asked for

	detached bool
	end      uint64 // what lies behind was written after that
	settled  time.Time

	ready atomic.Bool // there may be a record that wakes nobody up
	taken atomic.Bool // somebody else reads the ring: we do not any more
}

// CPU implements [source.Ring]. Records do not tell who wrote them.
func (r *Ring) CPU() int { return 0 }

// limit returns up to where there may be records, and false if that makes no sense.
func (r *Ring) limit() (end uint64, ok bool) {
	end = r.producer.Load()
	if end-r.pos > r.size {
		return end, false
	}
	if r.detached && r.end-r.pos < end-r.pos {
		end = r.end
	}
	return end, true
}

// Pending returns the number of bytes in the ring that Next has not returned.
func (r *Ring) Pending() int {
	if r.taken.Load() {
		return 0
	}
	end, ok := r.limit()
	if !ok {
		return 1 // Next tells
	}
	return int(end - r.pos)
}

// Next implements [source.Ring]. It passes over records that were discarded, and those that were
// there when the ring was opened. A ring that makes no sense is emptied.
func (r *Ring) Next(rec *source.Record) (bool, error) {
	if r.taken.Load() {
		return false, nil
	}
	end, ok := r.limit()
	if !ok {
		return false, r.empty(fmt.Errorf("%w: %d bytes are pending in %d", errCorrupt, end-r.pos, r.size))
	}
	r.noteCrowded(r.released)
	for end != r.pos {
		found, err := r.look(end)
		if err != nil {
			return false, r.empty(err)
		}
		if found.busy {
			if r.settle() {
				continue
			}
			break
		}
		old := r.begin-r.pos-1 < r.size // pos is before begin
		r.last, r.pos = r.pos, r.pos+uint64(found.size)
		if found.discarded || old {
			continue
		}
		*rec = source.Record{Kind: source.Sample, Head: found.data, Size: found.size}
		if r.frames != nil {
			if rec.Head, ok = r.event(found.data); !ok {
				*rec = source.Record{Kind: source.Unknown, Size: found.size}
			}
		}
		return true, nil
	}
	// The kernel does not know yet that we wait for the next record.
	if r.mode == source.Eager && r.pos != r.released {
		r.ready.Store(true)
	}
	return false, nil
}

// record is what lies at some place in the ring.
type record struct {
	data            []byte // in the ring
	size            int    // in the ring, in bytes
	busy, discarded bool
}

// look returns the record at pos, of which there is one before end.
func (r *Ring) look(end uint64) (record, error) {
	header := r.header()
	n := uint64(header &^ (busyBit | discardBit))
	size := (headerSize + n + alignment - 1) &^ (alignment - 1)
	if size > end-r.pos {
		return record{}, fmt.Errorf("%w: a record of %d bytes where %d are pending", errCorrupt, n, end-r.pos)
	}
	start := r.pos&(r.size-1) + headerSize
	return record{
		data:      r.data[start : start+n : start+n],
		size:      int(size),
		busy:      header&busyBit != 0,
		discarded: header&discardBit != 0,
	}, nil
}

// header returns the length and the flags of the record at pos.
func (r *Ring) header() uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&r.data[r.pos&(r.size-1)])))
}

// settle has the drain of a detached ring wait for the next record, which is being written, and
// returns false if it takes too long.
func (r *Ring) settle() bool {
	if !r.detached || time.Now().After(r.settled) {
		return false
	}
	runtime.Gosched()
	return true
}

// event takes the event out of a frame. There is none if the adapter panics.
func (r *Ring) event(frame []byte) (event []byte, ok bool) {
	defer func() {
		if recover() != nil {
			event, ok = nil, false
		}
	}()
	return r.frames(frame)
}

// empty throws away what is in the ring.
func (r *Ring) empty(err error) error {
	r.pos = r.producer.Load() &^ (alignment - 1)
	r.last = r.pos
	return err
}

// Release frees the space of all records that Next returned, but for the last one of a ring that is lazy. An
// eager ring wakes the reader up for the next record from then on; only then can it be seen whether that is
// there already.
func (r *Ring) Release() {
	defer r.noteCrowded(r.released) // until now, programs found what was read to be full
	switch {
	case r.mode == source.Eager:
		r.publish(r.pos)
		r.lookAgain()
	case r.pos == r.armed: // it wakes the reader up for the next record, or has nothing to free
	case r.pos-r.last <= r.size/maxHeld:
		r.publish(r.last)
	default:
		r.publish(r.pos)
	}
}

// lookAgain has Wait return if there is a record that the kernel woke nobody up for: one that was there
// before we said that we wait for it, or one of a program that wants nobody woken up.
func (r *Ring) lookAgain() {
	end, ok := r.limit()
	r.ready.Store(!ok || end != r.pos && r.header()&busyBit == 0)
}

// noteCrowded notes whether there may have been no room behind what was released.
func (r *Ring) noteCrowded(released uint64) {
	if r.producer.Load()-released > r.size-r.size/4 {
		r.crowded = true
	}
}

// maxHeld is the part of the ring that the record of a lazy one may take which is kept.
const maxHeld = 16

// publish says up to where we have read. It notices if somebody else has.
func (r *Ring) publish(pos uint64) {
	if pos == r.released {
		return
	}
	if r.taken.Load() || !r.consumer.CompareAndSwap(r.released, pos) {
		r.taken.Store(true)
		return
	}
	r.released = pos
}

// SetMode implements [source.Throttle].
func (r *Ring) SetMode(mode source.Mode) error {
	r.mode, r.armed = mode, r.pos
	if mode != source.Lazy {
		r.publish(r.pos)
	}
	r.Release()
	return nil
}

// detach has the ring end with what was written until now.
func (r *Ring) detach() {
	r.detached, r.end, r.settled = true, r.producer.Load(), time.Now().Add(settleTime)
}

// skip passes over what is in the ring, up to a record that is being written: Next passes over that
// and the rest.
func (r *Ring) skip() {
	r.begin = r.producer.Load()
	r.pos = r.consumer.Load()
	if r.begin-r.pos > r.size || r.pos%alignment != 0 {
		r.pos = r.begin // somebody wrote nonsense there
	}
	for r.pos != r.begin {
		found, err := r.look(r.begin)
		if err != nil {
			r.pos = r.begin
		}
		if err != nil || found.busy {
			break
		}
		r.pos += uint64(found.size)
	}
	r.consumer.Store(r.pos)
	r.last, r.released = r.pos, r.pos
}
