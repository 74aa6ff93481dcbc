// SPDX-License-Identifier: Apache-2.0

// Package perfring reads the perf ring buffers of a perf event array, and
// chooses for each CPU when the kernel wakes the reader up.
//
// It differs from github.com/cilium/ebpf/perf, which gives each CPU one perf
// event with one wake-up policy for good: here several perf events write into the same
// ring, and putting one or the other into the array changes the policy at
// once, without a second ring, without losing an event and without changing
// their order. And records are read in place, many for one update of the ring's
// tail, and are copied once, to where the caller wants them.
package perfring

import (
	"errors"
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/wanted"
)

// Rings are the rings of all online CPUs of a perf event array. Wake may be called at any
// time. Wait, and the other methods, are each for one goroutine at a time; these and the
// methods of a Ring exclude one another.
type Rings struct {
	array    *ebpf.Map
	id       ebpf.MapID
	ownFile  bool // closing array takes our events out of it
	yields   bool // to one who takes the array away: all of it
	path     string
	wanted   *wanted.Map // beside path; nil if there is no path
	slots    *slots      // nil if the kernel can't tell what is in the array
	entries  *entries    // nil if it does not let us read which event that is
	poller   *epoll.Poller
	rings    []*Ring
	byFd     map[int32]int // the index of the ring that a descriptor of poller is one of
	woken    []int         // what Wait returned
	missing  []int         // possible CPUs that have no ring since they were offline
	possible int           // CPUs
	other    *otherReaders
	closed   atomic.Bool // array is
	replaced atomic.Bool // by rings of the same source, whose events are in the array now
	lost     atomic.Bool // somebody else took the array away
}

// open maps a ring for each online CPU of the array, which is closed if that fails, and lets the
// datapath write into them: all are in eager mode. before are rings of the same source that these
// take the place of, or nil. It returns ErrTaken if somebody else reads the array, unless takeOver
// says not to mind.
func (rs *Rings) open(pages int, before *Rings, takeOver bool) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open perf ring buffers: %w", err), rs.Close())
		}
	}()
	if rs.array.Type() != ebpf.PerfEventArray {
		return fmt.Errorf("the map is a %s, not a %s", rs.array.Type(), ebpf.PerfEventArray)
	}
	if bits.OnesCount(uint(pages)) != 1 {
		return fmt.Errorf("%d pages are not a power of two", pages)
	}
	if rs.possible, err = possibleCPUs(); err != nil {
		return err
	}
	if rs.poller, err = epoll.New(); err != nil {
		return err
	}
	rs.byFd = make(map[int32]int)
	// Without it nobody can tell who else is there: read as if nobody was.
	rs.slots, _ = openSlots(rs.array)
	// An array may have more entries than there can be CPUs.
	entries := min(rs.possible, int(rs.array.MaxEntries()))
	if !takeOver {
		if cpu := rs.slots.firstTaken(entries, before); cpu >= 0 {
			return fmt.Errorf("%w: the entry of CPU %d is taken by %s", ErrTaken, cpu, rs.other.names(rs.id))
		}
	}
	for cpu := range entries {
		if err := rs.add(cpu, pages); err != nil {
			return fmt.Errorf("CPU %d: %w", cpu, err)
		}
	}
	rs.openEntries()
	// Only once nothing else can fail, so that those before are not left without their entries.
	if err := rs.putAll(before); err != nil {
		return err
	}
	if before != nil {
		before.replaced.Store(true)
	}
	return nil
}

// openEntries has the rings notice when their entries change, if the kernel lets them read that.
func (rs *Rings) openEntries() {
	if len(rs.rings) == 0 {
		return
	}
	entries, err := openEntries(rs.array, rs.rings[0].fds[eagerEvent])
	if err != nil {
		return
	}
	rs.entries = entries
	for _, r := range rs.rings {
		r.entries = entries
		if err := errors.Join(r.identify(eagerEvent), r.identify(lazyEvent)); err != nil {
			r.entries = nil
		}
	}
}

func (rs *Rings) add(cpu, pages int) error {
	r, err := openRing(rs.array, rs.slots, cpu, pages)
	if errors.Is(err, unix.ENODEV) {
		rs.missing = append(rs.missing, cpu)
		return nil // the CPU is offline
	}
	if err != nil {
		return err
	}
	rs.byFd[int32(r.fds[eagerEvent])] = len(rs.rings)
	rs.rings = append(rs.rings, r)
	// Whichever event wrote, the ring wakes up the waiters of all.
	return rs.poller.Add(r.fds[eagerEvent], unix.EPOLLIN|unix.EPOLLET)
}

// putAll puts the events into the array. If one can't be put there, those of before are there again.
func (rs *Rings) putAll(before *Rings) error {
	for i, r := range rs.rings {
		if err := r.put(eagerEvent); err != nil {
			return errors.Join(err, before.putBack(rs.rings[:i]))
		}
	}
	return nil
}

// putBack puts the events into the array again that others have taken the place of.
func (rs *Rings) putBack(others []*Ring) (err error) {
	for _, other := range others {
		if r := rs.ringOf(other.cpu); r != nil {
			err = errors.Join(err, r.put(r.event))
		}
	}
	return err
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
// time-out has passed ([source.Forever] never does). It returns which rings it was.
func (rs *Rings) Wait(timeout time.Duration) (woken []int, err error) {
	ready, err := rs.poller.Wait(timeout)
	rs.woken = rs.woken[:0]
	for i := range ready {
		rs.woken = append(rs.woken, rs.byFd[ready[i].Fd])
	}
	return rs.woken, err
}

// Wake makes the current or the next Wait return.
func (rs *Rings) Wake() error { return rs.poller.Wake() }

// Detach takes the rings out of the array: once it returns, the datapath writes no
// more into them. What the rings have can still be read. Another reader's events stay.
func (rs *Rings) Detach() error {
	if rs.closed.Swap(true) {
		return nil
	}
	var errs []error
	if !rs.ownFile {
		for _, r := range rs.rings {
			errs = append(errs, rs.takeOut(r))
		}
	}
	return errors.Join(append(errs, rs.array.Close())...)
}

// takeOut takes a ring out of an array that is not open in a file of its own.
func (rs *Rings) takeOut(r *Ring) error {
	state := r.state()
	if state == slotEmpty || state == slotTaken || state == slotUnknown && rs.replaced.Load() {
		return nil
	}
	if err := rs.array.Delete(uint32(r.cpu)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("take perf event of CPU %d out of the events map: %w", r.cpu, err)
	}
	return nil
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
	errs := []error{rs.Unmap(), rs.slots.close(), rs.entries.close()}
	if rs.poller != nil {
		errs = append(errs, rs.poller.Close())
	}
	return errors.Join(errs...)
}

// ringOf returns the ring of a CPU, or nil.
func (rs *Rings) ringOf(cpu int) *Ring {
	if rs == nil {
		return nil
	}
	for _, r := range rs.rings {
		if r.cpu == cpu {
			return r
		}
	}
	return nil
}
