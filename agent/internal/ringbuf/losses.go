// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent/source"
)

// losses is the counter of the events that a ring buffer had no room for: the kernel keeps none, so
// programs do, in a map of their own (bpf/ringbuf_losses.h).
type losses struct {
	counter  *ebpf.Map // an array with an entry of 8 bytes for each CPU
	reported uint64    // of the total, those that were returned, or lost before the ring was opened
	asked    time.Time // when the counter was read last
	final    bool      // the ring is detached: what is lost from then on does not matter
	rest     uint64    // what was lost until then and has not been returned
}

// openLosses begins to count. It owns counter if it returns no error.
func openLosses(counter *ebpf.Map) (*losses, error) {
	if counter.Type() != ebpf.PerCPUArray || counter.ValueSize() != 8 || counter.MaxEntries() != 1 {
		return nil, fmt.Errorf("the loss counter is a %s of %d values of %d bytes, not a %s of one of 8 bytes",
			counter.Type(), counter.MaxEntries(), counter.ValueSize(), ebpf.PerCPUArray)
	}
	l := &losses{counter: counter}
	var err error
	l.reported, err = l.total()
	return l, err
}

// total returns the sum over all CPUs.
func (l *losses) total() (sum uint64, err error) {
	l.asked = time.Now()
	var cpus []uint64
	if err := l.counter.Lookup(uint32(0), &cpus); err != nil {
		return 0, fmt.Errorf("read the loss counter: %w", err)
	}
	for _, n := range cpus {
		sum += n
	}
	return sum, nil
}

// now returns what was lost and has not been returned.
func (l *losses) now() (uint64, error) {
	if l.final {
		rest := l.rest
		l.rest = 0
		return rest, nil
	}
	total, err := l.total()
	if err != nil {
		return 0, err
	}
	n := total - min(total, l.reported) // somebody may set it back
	l.reported = total
	return n, nil
}

// detach has now count only what was lost until then.
func (l *losses) detach() (err error) {
	if !l.final {
		l.rest, err = l.now()
		l.final = true
	}
	return err
}

func (l *losses) close() error { return l.counter.Close() }

// countingRing is a ring whose programs count losses. It implements [source.LossCounter].
type countingRing struct {
	*Ring
	losses *losses
}

// LostNow implements [source.LossCounter]. It is asked often, and reads the counter only if the ring was nearly
// full, or once in a while: records that are too large for the ring are lost without that.
func (r *countingRing) LostNow() (uint64, error) {
	if r.taken.Load() || !r.crowded && !r.losses.final && time.Since(r.losses.asked) < seldom {
		return 0, nil
	}
	r.crowded = false
	return r.losses.now()
}

// seldom is how often the counter is read of a ring that is not full.
const seldom = time.Second / 2

// Next implements [source.Ring]. The losses of a ring that was nearly full are told once all of it was
// returned: that is where they were, or just before.
func (r *countingRing) Next(rec *source.Record) (bool, error) {
	ok, err := r.Ring.Next(rec)
	if ok || err != nil || !r.crowded {
		return ok, err
	}
	lost, err := r.LostNow()
	if err != nil || lost == 0 {
		return false, err
	}
	*rec = source.Record{Kind: source.Lost, Lost: lost}
	return true, nil
}
