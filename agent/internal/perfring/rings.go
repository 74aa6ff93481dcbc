// SPDX-License-Identifier: Apache-2.0

// Package perfring reads the perf ring buffers of a perf event array, and
// chooses for each CPU when the kernel wakes the reader up.
//
// It differs from github.com/cilium/ebpf/perf, which gives each CPU one perf
// event with one wake-up policy for good: here two perf events write into the same
// ring, and putting one or the other into the array changes the policy at
// once, without a second ring, without losing an event and without changing
// their order. And records are read in place, many for one update of the ring's
// tail, and are copied once, to where the caller wants them.
package perfring

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/source"
)

// Source is a perf event array as an agent reads it.
type Source struct {
	array *ebpf.Map
	pages int
}

// New returns the source for a perf event array, which it owns. pages is the size of each
// CPU's ring in pages, a power of two.
func New(array *ebpf.Map, pages int) *Source { return &Source{array: array, pages: pages} }

// Open implements [source.Source]: see the function Open.
func (s *Source) Open() (source.Rings, error) {
	rings, err := Open(s.array, s.pages)
	if err != nil {
		return nil, err
	}
	return rings, nil
}

// Close implements [source.Source].
func (s *Source) Close() error { return s.array.Close() }

// Rings are the rings of all online CPUs of a perf event array. Wake may be called at any
// time. Wait, and the other methods, are each for one goroutine at a time; these and the
// methods of a Ring exclude one another.
type Rings struct {
	array    *ebpf.Map
	poller   *epoll.Poller
	rings    []*Ring
	attached bool
}

// Open maps a ring for each online CPU of array and lets the datapath write into them:
// all are in eager mode. pages is the size of a ring in pages, a power of two. The
// array stays the caller's and must stay open until Close.
func Open(array *ebpf.Map, pages int) (*Rings, error) {
	if bits.OnesCount(uint(pages)) != 1 {
		return nil, fmt.Errorf("open perf ring buffers: %d pages are not a power of two", pages)
	}
	// An array may have more entries than there can be CPUs.
	possible, err := ebpf.PossibleCPU()
	if err != nil {
		return nil, fmt.Errorf("open perf ring buffers: %w", err)
	}
	poller, err := epoll.New()
	if err != nil {
		return nil, fmt.Errorf("open perf ring buffers: %w", err)
	}
	rs := &Rings{array: array, poller: poller, attached: true}
	for cpu := range min(possible, int(array.MaxEntries())) {
		if err := rs.add(cpu, pages); err != nil {
			return nil, errors.Join(fmt.Errorf("open perf ring buffer of CPU %d: %w", cpu, err), rs.Close())
		}
	}
	return rs, nil
}

func (rs *Rings) add(cpu, pages int) error {
	r, err := openRing(rs.array, cpu, pages)
	if errors.Is(err, unix.ENODEV) {
		return nil // the CPU is offline
	}
	if err != nil {
		return err
	}
	rs.rings = append(rs.rings, r)
	// Whichever event wrote, the ring wakes up the waiters of both.
	if err := rs.poller.Add(r.fds[source.Lazy], unix.EPOLLIN|unix.EPOLLET); err != nil {
		return err
	}
	return r.SetMode(source.Eager)
}

// All returns the rings, in the order of their CPUs.
func (rs *Rings) All() []source.Ring {
	all := make([]source.Ring, len(rs.rings))
	for i, r := range rs.rings {
		all[i] = r
	}
	return all
}

// Wait blocks until a ring has something to read by its mode, Wake is called, or the
// time-out has passed ([source.Forever] never does). It returns whether it was a ring.
func (rs *Rings) Wait(timeout time.Duration) (woken bool, err error) {
	ready, err := rs.poller.Wait(timeout)
	return len(ready) > 0, err
}

// Wake makes the current or the next Wait return.
func (rs *Rings) Wake() error { return rs.poller.Wake() }

// Detach takes the rings out of the array: once it returns, the datapath writes no
// more. What the rings have can still be read.
func (rs *Rings) Detach() error {
	if !rs.attached {
		return nil
	}
	rs.attached = false
	var errs []error
	for _, r := range rs.rings {
		if err := rs.array.Delete(uint32(r.cpu)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			errs = append(errs, fmt.Errorf("take perf event of CPU %d out of the events map: %w", r.cpu, err))
		}
	}
	return errors.Join(errs...)
}

// Unmap detaches and unmaps the rings. All that is left to do then is Close.
func (rs *Rings) Unmap() error {
	errs := []error{rs.Detach()}
	for _, r := range rs.rings {
		errs = append(errs, r.close())
	}
	rs.rings = nil
	return errors.Join(errs...)
}

// Close unmaps the rings and frees what is left. No Wait may be under way.
func (rs *Rings) Close() error {
	return errors.Join(rs.Unmap(), rs.poller.Close())
}
