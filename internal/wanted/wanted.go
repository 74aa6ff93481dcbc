// SPDX-License-Identifier: Apache-2.0

// Package wanted tells a datapath which events somebody wants, so that it need not make any others: in a
// BPF map beside the events map, which bpf/wanted.h describes for programs.
package wanted

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/pinned"
)

// Suffix is what the path of the map has behind that of the events map.
const Suffix = "_wanted"

// Map is the map beside one events map. It is safe for concurrent use.
type Map struct {
	path string // empty if it is not pinned

	mu  sync.Mutex // guards what follows
	m   *ebpf.Map  // nil while there is none
	id  ebpf.MapID // of what was pinned when it was opened; 0 if there was nothing
	set *Value     // what it is to have, also if writing that failed; nil if nothing was set
	bad bool       // writing that failed

	foreign error // why what is there is no such map; nil if it is, or if there is nothing
}

// ErrChanged is returned if the map does not have what was set: somebody else has written to it.
var ErrChanged = errors.New("somebody else has changed which events are wanted")

// New returns the map beside the events map that is pinned at a path. It is opened by Reopen.
func New(eventsMap string) *Map { return &Map{path: eventsMap + Suffix} }

// Of returns the map that m is, which it owns from then on and which need not be pinned. Reopen checks it.
func Of(m *ebpf.Map) *Map { return &Map{m: m} }

// check returns an error if m can't be the map of what is wanted.
func check(m *ebpf.Map) error {
	if m.Type() != ebpf.Array || m.KeySize() != 4 || m.ValueSize() < uint32(sizeOfV1) || m.MaxEntries() == 0 {
		return fmt.Errorf("a map of type %s with keys of %d bytes and values of %d, not an %s with 4 and at least %d",
			m.Type(), m.KeySize(), m.ValueSize(), ebpf.Array, sizeOfV1)
	}
	return nil
}

// Reopen opens the map that is there now, which may be none. What is there and can't be such a map is for Set to tell.
func (w *Map) Reopen() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.path == "" {
		if err := check(w.m); err != nil {
			w.foreign = fmt.Errorf("%s is %w", w.name(), err)
		}
		return nil
	}
	if err := w.closeLocked(); err != nil {
		return err
	}
	m, id, err := pinned.Load(w.path)
	switch {
	case err != nil:
		w.foreign = err
		return nil
	case m == nil:
		return nil
	}
	w.id = id
	if err := check(m); err != nil {
		w.foreign = fmt.Errorf("%s is %w", w.path, err)
		return m.Close()
	}
	w.m = m
	return nil
}

// Set says what is wanted. It does nothing if there is no map. The error wraps [source.ErrNotSelective] if what is there is no such map.
// After another one it is to be called again: some of what is wanted may not be made.
func (w *Map) Set(wanted *source.Wanted) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.foreign != nil {
		return fmt.Errorf("%w: %w", source.ErrNotSelective, w.foreign)
	}
	if w.m == nil {
		return nil
	}
	next := ValueOf(wanted)
	if w.m.ValueSize() < uint32(valueSize) {
		next = &Value{Version: Version, Types: next.Types}
	}
	w.set, w.bad = next, true // before anything can fail
	before, err := w.valueLocked()
	if err != nil {
		return err
	}
	for _, value := range steps(before, next) {
		if err := w.writeLocked(&value); err != nil {
			return err
		}
		next = &value
	}
	w.set, w.bad = next, false
	return nil
}

// steps returns the values to write, one after the other, so that no program sees a part of one value and a part of
// another by which it leaves out what is wanted before and after: while the rules change they do not apply, and who was holding
// a packet against them before or meanwhile notices by the generation. A write is not atomic: no field may depend on another one of the same.
func steps(before, next *Value) []Value {
	var first []Value
	if before.Version < Version { // fields that mean nothing yet are to be good before the version says that they do
		wide := *before
		wide.Refined, wide.DropReasons = source.Types{}, all
		if before.Version == 0 {
			wide.Types = all
		}
		versioned := wide
		versioned.Version = Version
		first = []Value{wide, versioned}
		before = &versioned
	}
	if before.Refined == (source.Types{}) && next.Refined == (source.Types{}) {
		return append(first, *next)
	}
	between := *before
	between.Refined = source.Types{}
	between.Generation++
	for i := range between.Types {
		between.Types[i] |= next.Types[i]
		between.DropReasons[i] |= next.DropReasons[i]
	}
	changed := between
	changed.RuleCount, changed.Rules = next.RuleCount, next.Rules
	settled := changed
	settled.Generation++
	last := *next
	last.Generation = settled.Generation
	return append(first, between, changed, settled, last)
}

// all are all numbers of one byte.
var all = source.Types{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}

// TakeBack has the map say what it did before anything was set: everything is wanted, for those who read the events
// and know of no such map.
func (w *Map) TakeBack() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil || w.set == nil {
		return nil
	}
	before, err := w.valueLocked()
	if err != nil {
		return err
	}
	for _, value := range takingBack(before) {
		w.set = &value
		if err := w.writeLocked(&value); err != nil {
			return err
		}
	}
	return nil
}

// takingBack returns the values to write so that everything is wanted again, for programs that see the new version with the
// old fields, too, or the other way round. A version of 0 says it alone; the fields say the same to who has seen the old one.
func takingBack(before *Value) []Value {
	wide := *before
	wide.Types, wide.DropReasons, wide.Refined = all, all, source.Types{}
	wide.Generation++
	last := wide
	last.Version = 0
	return []Value{wide, last}
}

// writeLocked writes a value. The caller holds w.mu.
func (w *Map) writeLocked(value *Value) error {
	whole, err := w.lookupLocked()
	if err != nil {
		return err
	}
	if err := value.encode(whole); err != nil {
		return fmt.Errorf("encode which events are wanted: %w", err)
	}
	if err := w.m.Put(uint32(0), whole); err != nil {
		return fmt.Errorf("write to %s: %w", w.name(), err)
	}
	return nil
}

// valueLocked returns what the map has. The caller holds w.mu.
func (w *Map) valueLocked() (*Value, error) {
	whole, err := w.lookupLocked()
	if err != nil {
		return nil, err
	}
	value := new(Value)
	if err := value.decode(whole); err != nil {
		return nil, fmt.Errorf("decode %s: %w", w.name(), err)
	}
	return value, nil
}

// lookupLocked returns the whole value. The caller holds w.mu.
func (w *Map) lookupLocked() ([]byte, error) {
	whole, err := w.m.LookupBytes(uint32(0))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", w.name(), err)
	}
	return whole, nil
}

// Check returns ErrChanged if the map does not have what was set, or if another one is pinned in its place, where there may have
// been none. What Set could not write it does not look for.
func (w *Map) Check() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.path != "" {
		if there, err := pinned.ID(w.path); err == nil && there != 0 && there != w.id {
			return fmt.Errorf("%w: another map is pinned at %s", ErrChanged, w.path)
		}
	}
	if w.m == nil || w.set == nil || w.bad {
		return nil
	}
	value, err := w.valueLocked()
	if err != nil {
		return err
	}
	if *value != *w.set {
		return fmt.Errorf("%w: %s", ErrChanged, w.name())
	}
	return nil
}

// name is what errors call the map.
func (w *Map) name() string {
	if w.path == "" {
		return "the map of what is wanted"
	}
	return w.path
}

// There tells whether there is a map, or what should be one.
func (w *Map) There() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.m != nil || w.foreign != nil
}

// Close frees the map.
func (w *Map) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closeLocked()
}

// closeLocked is Close. The caller holds w.mu.
func (w *Map) closeLocked() error {
	m := w.m
	w.m, w.id, w.set, w.bad, w.foreign = nil, 0, nil, false, nil
	if m == nil {
		return nil
	}
	return m.Close()
}
