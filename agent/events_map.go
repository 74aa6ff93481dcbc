// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/internal/ringbuf"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/internal/suppressed"
)

// RingBufferLossesSuffix is what the path of a pinned ring buffer is followed by where the counter of
// its losses is pinned: see [RingBufferOptions].
const RingBufferLossesSuffix = ringbuf.LossesSuffix

// Frames takes the event out of a record of a ring buffer that has something else in front of it or behind,
// such as a header of its own: an event begins with its message type. The event lies in frame, or where the function puts
// it together, and is copied before the next call; ok is
// false if there is none, as for records of another kind, and the record counts as unknown, as it does
// if the function panics. It is called for each record, with locks held: it returns soon, must not call the agent, and
// keeps nothing of frame.
type Frames func(frame []byte) (event []byte, ok bool)

// RingBufferOptions are those of [Agent.AttachToRingBuffer].
type RingBufferOptions struct {
	// Losses counts the events that the ring buffer had no room for: a map of type
	// BPF_MAP_TYPE_PERCPU_ARRAY with one entry of 8 bytes, which the programs that write into the ring buffer
	// increment, for example by bpf/ringbuf_losses.h. The kernel counts none. If it is nil,
	// losses in the kernel are unknown, and Stats say so. The map stays the caller's, who may
	// close it.
	Losses *ebpf.Map

	// Frames takes the events out of the records. If it is nil, a record is an event.
	Frames Frames

	// Wanted is the map that the programs which write into the ring buffer look at before they make an event, see
	// bpf/wanted.h. If it is nil, they make all of them. The map stays the caller's, who may close it.
	Wanted *ebpf.Map

	// Suppressed counts the events that the programs did not make since there were too many, or since they had nothing
	// new to tell, see bpf/suppressed.h. If it is nil, nobody is told of them. The map stays the caller's, who may
	// close it.
	Suppressed *ebpf.Map
}

// ringsKind is what kind of rings a source has.
type ringsKind int32

const (
	otherRings ringsKind = iota
	perfRings
	ringBuffer
)

// eventsMap is the source that an events map is: one that is pinned, whichever it is at the time and of
// either type, or another one.
type eventsMap struct {
	path       string              // empty if it is not pinned
	suppressed *suppressed.Counter // nil if nobody counts what is suppressed
	pages      int                 // of each CPU's perf ring buffer
	perf, ring source.Source

	// What was found last, when the source was made or opened. It changes under Agent.Mutex.
	found  atomic.Int32 // a ringsKind
	status models.MonitorStatus
}

// pinnedEventsMap returns the source for the map that is pinned at the agent's path, where m is now.
func (a *Agent) pinnedEventsMap(m *ebpf.Map, pages int) (*eventsMap, error) {
	s := &eventsMap{
		path: a.eventsMapPath, pages: pages, suppressed: suppressed.New(a.eventsMapPath),
		perf: perfring.NewPinned(a.eventsMapPath, perfring.Options{Pages: pages, TakeOver: a.takeOver}),
		ring: ringbuf.NewPinned(a.eventsMapPath, ringbuf.Options{Frames: ringbuf.Frames(a.frames), TakeOver: a.takeOver}),
	}
	return s, s.find(m)
}

// ownEventsMap returns the source for a map, which owns it and those in opts from then on if the error
// is nil.
func (a *Agent) ownEventsMap(m *ebpf.Map, pages int, opts RingBufferOptions) (*eventsMap, error) {
	s := &eventsMap{pages: pages}
	if err := s.find(m); err != nil {
		return nil, err
	}
	if opts.Suppressed != nil {
		var err error
		if s.suppressed, err = suppressed.Of(opts.Suppressed); err != nil {
			return nil, err
		}
	}
	if s.kind() == perfRings {
		s.perf = perfring.New(m, perfring.Options{Pages: pages, TakeOver: a.takeOver})
	} else {
		s.ring = ringbuf.New(m, ringbuf.Options{
			Frames: ringbuf.Frames(opts.Frames), Losses: opts.Losses, Wanted: opts.Wanted, TakeOver: a.takeOver,
		})
	}
	return s, nil
}

func (s *eventsMap) kind() ringsKind { return ringsKind(s.found.Load()) }

// find notes what m is.
func (s *eventsMap) find(m *ebpf.Map) error {
	page := int64(os.Getpagesize())
	switch m.Type() {
	case ebpf.PerfEventArray:
		s.found.Store(int32(perfRings))
		s.status = models.MonitorStatus{Cpus: int64(m.MaxEntries()), Npages: int64(s.pages), Pagesize: page}
	case ebpf.RingBuf:
		s.found.Store(int32(ringBuffer))
		s.status = models.MonitorStatus{Cpus: 1, Npages: int64(m.MaxEntries()) / page, Pagesize: page}
	default:
		return fmt.Errorf("it is a map of type %s, not a %s or a %s", m.Type(), ebpf.PerfEventArray, ebpf.RingBuf)
	}
	return nil
}

// Open implements [source.Source].
func (s *eventsMap) Open() (source.Rings, error) {
	if s.path != "" {
		m, err := ebpf.LoadPinnedMap(s.path, nil)
		if err != nil {
			return nil, fmt.Errorf("open events map %s: %w", s.path, err)
		}
		if err := errors.Join(s.find(m), m.Close()); err != nil {
			return nil, fmt.Errorf("open events map %s: %w", s.path, err)
		}
	}
	rings, err := s.current().Open()
	if err == nil && s.suppressed != nil {
		_ = s.suppressed.Reopen() // TakeSuppressed returns the error: events are read all the same
	}
	return rings, err
}

// TakeSuppressed implements [source.Suppressor].
func (s *eventsMap) TakeSuppressed() ([]source.Suppressed, error) {
	if s.suppressed == nil {
		return nil, nil
	}
	return s.suppressed.Take()
}

// SetWanted implements [source.Selective].
func (s *eventsMap) SetWanted(wanted *source.Wanted) (selects bool, err error) {
	src, ok := s.current().(source.Selective)
	if !ok {
		return false, nil
	}
	return src.SetWanted(wanted)
}

// current is the source of the kind that was found.
func (s *eventsMap) current() source.Source {
	if s.kind() == perfRings {
		return s.perf
	}
	return s.ring
}

// Close implements [source.Source].
func (s *eventsMap) Close() error {
	var errs []error
	for _, src := range []source.Source{s.perf, s.ring} {
		if src != nil {
			errs = append(errs, src.Close())
		}
	}
	if s.suppressed != nil {
		errs = append(errs, s.suppressed.Close())
	}
	return errors.Join(errs...)
}
