// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/pinned"
	"github.com/cilium/monitor/internal/wanted"
)

// LossesSuffix is what the path of a pinned ring buffer is followed by where the counter of its
// losses is pinned.
const LossesSuffix = "_lost"

// Source is a ring buffer map as an agent reads it.
//
// A ring buffer has one reader: there is one position up to which it was read. Sources like this one
// keep each other out by a lease in the ring's memory, which ends at once when a source is closed and
// within seconds when its process dies. Readers that know of no lease are noticed when they move the
// position.
type Source struct {
	opts   Options
	array  *ebpf.Map // nil if it is opened by path
	path   string
	wanted *wanted.Map // nil if there is none
	reader uint32      // an id of its own, never 0

	mu       sync.Mutex // guards what follows
	current  *Rings     // those of the last Open
	lostID   ebpf.MapID // of a map that somebody else took away; 0 if there is none
	intruder *intruder  // who reads that one and knows of no lease; else nil
}

// Options are those of New and NewPinned.
type Options struct {
	// Frames takes the events out of the records; nil if a record is an event.
	Frames Frames

	// Losses counts the events that there was no room for, see losses.go. It is the source's from
	// then on. Nil if nobody does; for NewPinned it is what is pinned beside the ring buffer.
	Losses *ebpf.Map

	// Wanted is the map that the programs look at for what is wanted; nil if they don't. For NewPinned it is what
	// is pinned beside the ring buffer. It is the source's from then on.
	Wanted *ebpf.Map

	// TakeOver has Open ask another source that reads the ring buffer to give it up, which takes
	// it seconds: until then Open fails. It does not take it back from somebody who has taken it
	// since.
	TakeOver bool
}

// New returns the source for a ring buffer map, which the source owns from then on.
func New(m *ebpf.Map, opts Options) *Source {
	s := &Source{array: m, opts: opts, reader: newReader()}
	if opts.Wanted != nil {
		s.wanted = wanted.Of(opts.Wanted)
	}
	return s
}

// NewPinned returns the source for the ring buffer map that is pinned at path, whichever that is at the
// time.
func NewPinned(path string, opts Options) *Source {
	return &Source{path: path, wanted: wanted.New(path), opts: opts, reader: newReader()}
}

func newReader() uint32 { return rand.Uint32N(1<<32-1) + 1 }

// Open implements [source.Source]. It returns an error that wraps eventsmap.ErrTaken if somebody else reads the
// ring buffer.
func (s *Source) Open() (source.Rings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.reopen()
	if err != nil {
		return nil, err
	}
	id, err := eventsmap.ID(m)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	memory, err := mapMemory(m)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ring buffer: %w", err), m.Close())
	}
	if err := s.leaseLocked(memory, id); err != nil {
		return nil, errors.Join(fmt.Errorf("open ring buffer: %w", err), memory.unmap(), m.Close())
	}
	if before := s.current; before != nil && before.id == id {
		before.replaced()
	}
	rings, err := open(m, id, memory, s)
	if err != nil {
		return nil, err
	}
	s.current, s.lostID, s.intruder = rings, 0, nil
	if s.wanted != nil {
		if err := s.wanted.Reopen(); err != nil {
			return nil, errors.Join(err, rings.Close())
		}
	}
	return rings, nil
}

// leaseLocked returns nil if nobody else reads the ring buffer, and keeps others from it. The caller
// holds s.mu.
func (s *Source) leaseLocked(memory *memory, id ebpf.MapID) error {
	if before := s.current; before != nil && before.lost.Load() && s.lostID == 0 {
		s.lostID = before.id
		if before.intruded.Load() {
			s.intruder = &intruder{}
		}
	}
	ring, lease := memory.ring(), memory.lease()
	if s.intruder != nil && s.lostID == id && !s.intruder.gone(ring.consumer.Load(), ring.producer.Load()) {
		return fmt.Errorf("%w: the consumer's position was moved, by one that can't be told", eventsmap.ErrTaken)
	}
	takeOver := s.opts.TakeOver && s.lostID != id
	if wanted := lease.wanted.Load(); !takeOver && others(wanted, s.reader) {
		return fmt.Errorf("%w: one that is told to take it over asks for it", eventsmap.ErrTaken)
	}
	if !lease.take(s.reader) {
		if takeOver {
			lease.ask(s.reader)
		}
		return fmt.Errorf("%w: %s reads it", eventsmap.ErrTaken, lease.name())
	}
	withdraw(&lease.wanted, s.reader)
	return nil
}

// replaced has rings end that others of the same source take the place of.
func (rs *Rings) replaced() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.leased = false // it goes on with the others
	rs.ring.taken.Store(true)
}

// SetWanted implements [source.Selective]. What somebody else wants who reads the ring buffer stays.
func (s *Source) SetWanted(w *source.Wanted) (selects bool, err error) {
	if s.wanted == nil || !s.wanted.There() {
		return false, nil
	}
	if s.takenAway() {
		return true, nil
	}
	return true, s.wanted.Set(w)
}

// takenAway tells whether somebody else reads the ring buffer who took it away.
func (s *Source) takenAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.lost.Load() {
		return true
	}
	if s.current.mapped() {
		return false // as far as the last Check knows
	}
	m, err := ebpf.LoadPinnedMap(s.path, nil)
	if err != nil {
		return false
	}
	defer m.Close()
	return errors.Is(CheckFree(m), eventsmap.ErrTaken)
}

// Close implements [source.Source].
func (s *Source) Close() error {
	var errs []error
	if s.wanted != nil {
		if s.wanted.There() && !s.takenAway() {
			errs = append(errs, s.wanted.TakeBack())
		}
		errs = append(errs, s.wanted.Close())
	}
	for _, m := range []*ebpf.Map{s.array, s.opts.Losses} {
		if m != nil {
			errs = append(errs, m.Close())
		}
	}
	return errors.Join(errs...)
}

// reopen returns the map, to be closed.
func (s *Source) reopen() (*ebpf.Map, error) {
	if s.array != nil {
		return s.array.Clone()
	}
	m, err := ebpf.LoadPinnedMap(s.path, nil)
	if err != nil {
		return nil, fmt.Errorf("open events map %s: %w", s.path, err)
	}
	return m, nil
}

// openLosses returns nil if nobody counts losses, and the id of what is pinned as the counter.
func (s *Source) openLosses() (*losses, ebpf.MapID, error) {
	counter, id, err := s.lossCounter()
	if counter == nil || err != nil {
		return nil, id, err
	}
	l, err := openLosses(counter)
	if err != nil {
		return nil, id, errors.Join(err, counter.Close())
	}
	return l, id, nil
}

// lossCounter returns a map to be closed, or nil if there is none, and its id if it is pinned.
func (s *Source) lossCounter() (*ebpf.Map, ebpf.MapID, error) {
	switch {
	case s.opts.Losses != nil:
		counter, err := s.opts.Losses.Clone()
		return counter, 0, err
	case s.path == "":
		return nil, 0, nil
	}
	return pinned.Load(s.path + LossesSuffix)
}

// intruder is a reader that knows of no lease.
type intruder struct {
	consumer uint64    // the position of the consumer when it was seen last
	since    time.Time // it has been there and there was something to read
}

// gone tells whether nobody has read for a while although there was something to read.
func (i *intruder) gone(consumer, producer uint64) bool {
	const quiet = time.Second
	if consumer == producer || consumer != i.consumer || i.since.IsZero() {
		i.consumer, i.since = consumer, time.Now()
		return false
	}
	return time.Since(i.since) >= quiet
}

// CheckFree returns an error that wraps eventsmap.ErrTaken if somebody reads the ring buffer, as far as that can be
// told: readers that know of no lease can't be seen. It changes nothing.
func CheckFree(m *ebpf.Map) error {
	memory, err := mapMemory(m)
	if err != nil {
		return err
	}
	lease := memory.lease()
	if others(lease.held.Load(), 0) {
		err = fmt.Errorf("%w: %s", eventsmap.ErrTaken, lease.name())
	}
	return errors.Join(err, memory.unmap())
}
