// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/wanted"
)

// ErrTaken is returned if somebody else reads a perf event array: each of its entries has room
// for one reader's events.
var ErrTaken = eventsmap.ErrTaken

// Source is a perf event array as an agent reads it.
//
// It is opened anew, by its path or its id, each time that its rings are: the kernel takes out
// of an array what was put in through one open file of it when that is closed, and nothing else. So
// closing it can't take out what another reader has put in since.
type Source struct {
	opts  Options
	array *ebpf.Map // nil if it is opened by path
	path  string

	wanted *wanted.Map // beside path; nil if there is no path

	mu      sync.Mutex // guards what follows
	current *Rings     // those of the last Open
	lostID  ebpf.MapID // of an array that somebody else took away; 0 if there is none
	other   otherReaders
}

// Options are those of New and NewPinned.
type Options struct {
	// Pages is the size of each CPU's ring in pages, a power of two.
	Pages int

	// TakeOver has Open take the array away from somebody else who reads it. It does not
	// take it back from somebody who has taken it since.
	TakeOver bool
}

// New returns the source for a perf event array, which the source owns from then on.
func New(array *ebpf.Map, opts Options) *Source { return &Source{array: array, opts: opts} }

// NewPinned returns the source for the perf event array that is pinned at path, whichever that is
// at the time.
func NewPinned(path string, opts Options) *Source {
	return &Source{path: path, wanted: wanted.New(path), opts: opts}
}

// Open implements [source.Source]. It returns ErrTaken if somebody else reads the array.
func (s *Source) Open() (source.Rings, error) {
	array, ownFile, err := s.reopen()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.current
	if before != nil && before.lost.Load() {
		s.lostID = before.id
	}
	if before != nil && before.closed.Load() {
		before = nil
	}
	id, err := eventsmap.ID(array)
	if err != nil {
		return nil, errors.Join(err, array.Close())
	}
	rings := &Rings{array: array, id: id, ownFile: ownFile, yields: !s.opts.TakeOver, path: s.path, wanted: s.wanted, other: &s.other}
	if err := rings.open(s.opts.Pages, before, s.opts.TakeOver && id != s.lostID); err != nil {
		return nil, err
	}
	s.current, s.lostID = rings, 0
	if s.wanted != nil {
		if err := s.wanted.Reopen(); err != nil {
			return nil, errors.Join(err, rings.Close())
		}
	}
	return rings, nil
}

// SetWanted implements [source.Selective]. What somebody else wants who reads the array stays.
func (s *Source) SetWanted(w *source.Wanted) (selects bool, err error) {
	if s.wanted == nil || !s.wanted.There() {
		return false, nil
	}
	if s.takenAway() {
		return true, nil
	}
	return true, s.wanted.Set(w)
}

// takenAway tells whether somebody else reads the array who took it away.
func (s *Source) takenAway() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.lost.Load() {
		return true
	}
	if !s.current.closed.Load() {
		return false // as far as the last Check knows
	}
	array, err := ebpf.LoadPinnedMap(s.path, nil)
	if err != nil {
		return false
	}
	defer array.Close()
	taken, err := isTaken(array)
	return err == nil && taken
}

// Close implements [source.Source].
func (s *Source) Close() error {
	if s.array != nil {
		return s.array.Close()
	}
	var err error
	if s.wanted.There() && !s.takenAway() {
		err = s.wanted.TakeBack()
	}
	return errors.Join(err, s.wanted.Close())
}

// reopen returns another open file of the array. Without CAP_SYS_ADMIN it is the same one if the
// array is not pinned.
func (s *Source) reopen() (_ *ebpf.Map, ownFile bool, err error) {
	if s.array == nil {
		array, err := ebpf.LoadPinnedMap(s.path, nil)
		if err != nil {
			return nil, false, fmt.Errorf("open events map %s: %w", s.path, err)
		}
		return array, true, nil
	}
	id, err := eventsmap.ID(s.array)
	if err != nil {
		return nil, false, err
	}
	if array, err := ebpf.NewMapFromID(id); err == nil {
		return array, true, nil
	}
	array, err := s.array.Clone()
	return array, false, err
}
