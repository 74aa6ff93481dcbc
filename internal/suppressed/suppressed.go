// SPDX-License-Identifier: Apache-2.0

// Package suppressed reads how many events a datapath has not made although somebody wanted them: from a BPF map
// beside the events map, which bpf/suppressed.h describes for programs.
package suppressed

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/pinned"
)

// Suffix is what the path of the map has behind that of the events map.
const Suffix = "_suppressed"

// Count is what a CPU counts for a message type: struct monitor_suppressed of bpf/suppressed.h.
type Count struct {
	RateLimited uint64
	Aggregated  uint64
}

const countSize = uint32(unsafe.Sizeof(Count{}))

// Counter is the map beside one events map. It is not safe for concurrent use.
type Counter struct {
	path string // empty if the map was given

	m        *ebpf.Map // nil while there is none
	id       ebpf.MapID
	reported []Count // of the sums, by message type, those that Take returned, or that there were before
	keys     []uint32
	counts   []Count // of each type in turn, of each CPU
	cpus     int
	rest     []source.Suppressed // of maps that were open before, for Take
}

// New returns the counter beside the events map that is pinned at a path. It is opened by Reopen.
func New(eventsMap string) *Counter { return &Counter{path: eventsMap + Suffix} }

// Of returns the counter that a map is. It owns the map if the error is nil.
func Of(m *ebpf.Map) (*Counter, error) {
	c := &Counter{}
	if err := c.use(m, 0); err != nil {
		return nil, fmt.Errorf("the counter of suppressed events: %w", err)
	}
	return c, nil
}

// Reopen opens the map that is there now, which may be none. Of one that was not open before what it has counted until
// now is passed over; what the one that was open has counted is for the next Take. The counter of a map that was given stays as it is.
func (c *Counter) Reopen() error {
	if c.path == "" {
		return nil
	}
	m, id, err := pinned.Load(c.path)
	switch {
	case err != nil:
		return err
	case m == nil:
		return c.leave()
	}
	if changed, err := c.turnTo(m, id); err != nil || !changed {
		return err
	}
	_, err = c.count()
	return err
}

// follow turns to another map that has taken the place of the one that is open, or came where there was none. All that it has
// counted was since.
func (c *Counter) follow() error {
	if c.path == "" {
		return nil
	}
	m, id, err := pinned.Load(c.path)
	if m == nil {
		return err
	}
	_, err = c.turnTo(m, id)
	return err
}

// turnTo has the counter read m, which it owns, unless it does already.
func (c *Counter) turnTo(m *ebpf.Map, id ebpf.MapID) (changed bool, err error) {
	if c.m != nil && c.id == id {
		return false, m.Close()
	}
	if err := c.leave(); err != nil {
		return false, errors.Join(err, m.Close())
	}
	if err := c.use(m, id); err != nil {
		return false, errors.Join(err, m.Close())
	}
	return true, nil
}

// leave closes the map, and keeps what it has counted for the next Take.
func (c *Counter) leave() error {
	last, err := c.count()
	c.rest = append(c.rest, last...)
	return errors.Join(err, c.Close())
}

// use has the counter read m, which it owns if it returns nil.
func (c *Counter) use(m *ebpf.Map, id ebpf.MapID) error {
	const types = 256
	if m.Type() != ebpf.PerCPUArray || m.KeySize() != 4 || m.ValueSize() != countSize || m.MaxEntries() > types {
		return fmt.Errorf("%s is of type %s with %d values of %d bytes, not a %s with at most %d of %d",
			c.name(), m.Type(), m.MaxEntries(), m.ValueSize(), ebpf.PerCPUArray, types, countSize)
	}
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("read %s: %w", c.name(), err)
	}
	entries := int(m.MaxEntries())
	c.m, c.id, c.cpus = m, id, cpus
	c.reported, c.keys, c.counts = make([]Count, entries), make([]uint32, entries), make([]Count, entries*cpus)
	return nil
}

// name is what the map is called in errors.
func (c *Counter) name() string {
	if c.path == "" {
		return "the map"
	}
	return c.path
}

// Take returns what was suppressed since the last call, or since the map was opened: the types of which anything was, one
// again for each map that was open in the meantime. It notices if another map is pinned in the place of the one that was open.
func (c *Counter) Take() ([]source.Suppressed, error) {
	if err := c.follow(); err != nil {
		return nil, err
	}
	last, err := c.count()
	if err != nil {
		return nil, err
	}
	all := append(c.rest, last...)
	c.rest = nil
	return all, nil
}

// count returns what the map has counted since the last call, or since it was opened.
func (c *Counter) count() (all []source.Suppressed, err error) {
	if c.m == nil {
		return nil, nil
	}
	var cursor ebpf.MapBatchCursor
	n, err := c.m.BatchLookup(&cursor, c.keys, c.counts, nil)
	if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) { // the end
		return nil, fmt.Errorf("read %s: %w", c.name(), err)
	}
	for i, typ := range c.keys[:n] {
		var sum Count
		for _, count := range c.counts[i*c.cpus : (i+1)*c.cpus] {
			sum.RateLimited += count.RateLimited
			sum.Aggregated += count.Aggregated
		}
		before := c.reported[typ]
		c.reported[typ] = sum
		s := source.Suppressed{
			Type:        uint8(typ),
			RateLimited: sum.RateLimited - min(sum.RateLimited, before.RateLimited), // somebody may set it back
			Aggregated:  sum.Aggregated - min(sum.Aggregated, before.Aggregated),
		}
		if s.RateLimited > 0 || s.Aggregated > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// Close frees the map.
func (c *Counter) Close() error {
	m := c.m
	c.m = nil
	if m == nil {
		return nil
	}
	return m.Close()
}
