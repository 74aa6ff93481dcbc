// SPDX-License-Identifier: Apache-2.0

// Package ringbuf reads a BPF ring buffer, a map of type BPF_MAP_TYPE_RINGBUF.
//
// It differs from github.com/cilium/ebpf/ringbuf in that records are read in place, many for one update of the
// consumer's position; in that it begins with what is written from then on, whatever the ring has,
// and can end with what was written until some time; and in that a second reader is kept out.
package ringbuf

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/pinned"
	"github.com/cilium/monitor/internal/wanted"
)

// Rings is the ring of a ring buffer map, there is one. Wake may be called at any time. Wait, and
// the other methods, are each for one goroutine at a time; these and the methods of the Ring exclude one
// another.
type Rings struct {
	array   *ebpf.Map
	id      ebpf.MapID
	path    string // empty if it is not pinned
	reader  uint32 // whose lease it is
	ring    *Ring
	losses  *losses     // nil if nobody counts them
	lossID  ebpf.MapID  // of what was pinned as their counter; 0 if there was nothing
	lossErr error       // why they are not counted although somebody does
	wanted  *wanted.Map // nil if there is none
	poller  *epoll.Poller

	ended    chan struct{} // closed to end renew
	renewing sync.WaitGroup

	lost     atomic.Bool // somebody else reads the ring
	intruded atomic.Bool // it is one who knows of no lease

	mu     sync.Mutex // guards what follows
	memory *memory    // nil once unmapped
	leased bool       // the lease is ours
}

// open begins to read the ring in memory, which has been leased. It owns array and memory
// in any case.
func open(array *ebpf.Map, id ebpf.MapID, memory *memory, s *Source) (_ *Rings, err error) {
	rs := &Rings{
		array: array, id: id, path: s.path, reader: s.reader, wanted: s.wanted,
		ring: memory.ring(), ended: make(chan struct{}), memory: memory, leased: true,
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open ring buffer: %w", err), rs.Close())
		}
	}()
	rs.ring.frames = s.opts.Frames
	if rs.poller, err = epoll.New(); err != nil {
		return nil, err
	}
	// By the edge: as long as a record is being written, there is something for the kernel.
	if err := rs.poller.Add(array.FD(), unix.EPOLLIN|unix.EPOLLET); err != nil {
		return nil, err
	}
	rs.ring.skip()
	rs.losses, rs.lossID, rs.lossErr = s.openLosses() // those before are not ours
	rs.renewing.Go(rs.renew)
	return rs, nil
}

// renew renews the lease until the end.
func (rs *Rings) renew() {
	ticker := time.NewTicker(renewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-rs.ended:
			return
		case <-ticker.C:
		}
		rs.mu.Lock()
		if rs.leased && rs.memory != nil && !rs.memory.lease().renew(rs.reader) {
			rs.leased = false
			rs.ring.taken.Store(true)
		}
		rs.mu.Unlock()
	}
}

// All returns the ring.
func (rs *Rings) All() []source.Ring {
	if rs.losses != nil {
		return []source.Ring{&countingRing{Ring: rs.ring, losses: rs.losses}}
	}
	return []source.Ring{rs.ring}
}

// Wait implements [source.Rings].
func (rs *Rings) Wait(timeout time.Duration) (woken []int, err error) {
	missed := rs.ring.ready.Swap(false)
	if missed {
		timeout = 0
	}
	ready, err := rs.poller.Wait(timeout)
	if missed || len(ready) > 0 {
		return theRing[:], err
	}
	return nil, err
}

// theRing is what Wait returns.
var theRing = [...]int{0}

// Wake makes the current or the next Wait return.
func (rs *Rings) Wake() error { return rs.poller.Wake() }

// Detach has the ring end with what was written until now. Programs go on writing until it is
// full.
func (rs *Rings) Detach() error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.memory == nil || rs.ring.detached {
		return nil
	}
	rs.ring.detach()
	if rs.losses == nil {
		return nil
	}
	return rs.losses.detach()
}

// Unmap unmaps the ring, and lets others read it. All that is left to do then is Close.
func (rs *Rings) Unmap() error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.memory == nil {
		return nil
	}
	rs.ring.publish(rs.ring.pos) // what others find is what nobody has read
	rs.giveUpLocked()
	err := rs.memory.unmap()
	rs.memory = nil
	close(rs.ended)
	return err
}

// mapped tells whether it can still be read.
func (rs *Rings) mapped() bool {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.memory != nil
}

// giveUpLocked ends the lease, and the reading. The caller holds rs.mu.
func (rs *Rings) giveUpLocked() {
	rs.ring.taken.Store(true)
	if rs.leased && rs.memory != nil {
		rs.memory.lease().give(rs.reader)
	}
	rs.leased = false
}

// Close unmaps the ring and frees what is left. No Wait may be under way.
func (rs *Rings) Close() error {
	errs := []error{rs.Unmap()}
	rs.renewing.Wait()
	if rs.array != nil {
		errs = append(errs, rs.array.Close())
		rs.array = nil
	}
	if rs.losses != nil {
		errs = append(errs, rs.losses.close())
		rs.losses = nil
	}
	if rs.poller != nil {
		errs = append(errs, rs.poller.Close())
	}
	return errors.Join(errs...)
}

// Check implements [source.Checker]: it looks whether the ring buffer is still the one that is pinned,
// and whether we are the only one who reads it.
func (rs *Rings) Check() error {
	if rs.path != "" {
		if err := eventsmap.CheckPath(rs.path, rs.id); err != nil {
			return err
		}
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.memory == nil {
		return nil
	}
	lease := rs.memory.lease()
	switch {
	case others(lease.held.Load(), rs.reader):
		return rs.lostLocked(lease.name() + " reads it")
	case others(lease.wanted.Load(), rs.reader):
		return rs.lostLocked("one that is told to take it over asks for it")
	case rs.ring.taken.Load(), rs.ring.consumer.Load() != rs.ring.released:
		rs.intruded.Store(true)
		return rs.lostLocked("the consumer's position was moved")
	}
	rs.ring.lookAgain()
	if rs.wanted != nil {
		if err := rs.wanted.Check(); err != nil {
			return fmt.Errorf("%w: %w", source.ErrStale, err)
		}
	}
	return rs.checkLosses()
}

// checkLosses looks whether another counter of losses is pinned in the place of ours, or where there was none.
func (rs *Rings) checkLosses() error {
	if rs.path != "" {
		path := rs.path + LossesSuffix
		if there, err := pinned.ID(path); err == nil && there != 0 && there != rs.lossID {
			return fmt.Errorf("%w: another loss counter is pinned at %s", source.ErrStale, path)
		}
	}
	return rs.lossErr
}

// lostLocked gives the ring up to somebody else. The caller holds rs.mu.
func (rs *Rings) lostLocked(why string) error {
	rs.giveUpLocked()
	rs.lost.Store(true)
	return fmt.Errorf("%w: %w: %s", source.ErrStale, eventsmap.ErrTaken, why)
}
