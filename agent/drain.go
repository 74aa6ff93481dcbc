// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/agent/internal/wakeup"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/payload"
)

// drainRings delivers what is in all rings.
func (r *reader) drainRings() {
	for i := range r.policy.Rings() {
		r.drainRing(i)
	}
	r.flush()
}

// drainRing delivers what is in ring i when it comes to it, and returns whether that was anything. The
// caller calls flush.
func (r *reader) drainRing(i int) (progress bool) {
	for pending := r.pending(i); pending > 0; {
		size := r.deliverBatch(i)
		if r.unflushed.events >= int(r.agent.batchLimit.Load()) || r.unflushed.bytes >= r.agent.queueBytes/8 {
			r.flush()
		}
		if size == 0 {
			break
		}
		pending -= size
		progress = true
	}
	return progress
}

// To write to a client costs 4 us, and wakes it up. So many clients are written to in fewer visits than there are: each
// makes the others wait so much longer, up to a limit, while events keep coming.
const (
	flushPerClient   = 100 * time.Microsecond
	maxFlushInterval = 2 * time.Millisecond
)

// flushInTurn writes what was delivered to clients, or leaves that to the next visit.
func (r *reader) flushInTurn() {
	others := time.Duration(max(r.agent.connections.Load(), 1) - 1)
	due := r.flushed.Add(min(others*flushPerClient, maxFlushInterval))
	if !r.policy.PollsAgain() || !r.now.Add(wakeup.Interval(r.agent.maxDelay)).Before(due) {
		r.flush()
	}
}

// flush writes what was delivered to clients. It comes at the latest before those that are up to date would
// miss anything.
func (r *reader) flush() {
	if r.unflushed.events > 0 {
		r.unflushed.events, r.unflushed.bytes = 0, 0
		r.flushed = r.now
		r.agent.flush()
	}
}

// detachAndDrain has the datapath stop writing, and delivers what it wrote until then.
func (r *reader) detachAndDrain() error {
	r.mu.Lock()
	err := r.opened.Detach()
	r.mu.Unlock()

	r.drainRings()
	awaitPrograms()
	suppressed := r.takeSuppressed()
	for i := range r.policy.Rings() {
		err = errors.Join(err, r.deliverLossNow(i))
	}
	r.drainRings()
	r.deliverSuppressed(suppressed)
	r.flush()
	return err
}

// awaitPrograms returns when no BPF program runs any more that was running when it was called: such a one may write into
// a ring that has been detached since. The kernel's membarrier waits for just that, an RCU grace period, some 10 ms.
// Where it does not know of that, on machines with nohz_full CPUs, what is written late is missing.
func awaitPrograms() {
	const global = 1 // MEMBARRIER_CMD_GLOBAL of linux/membarrier.h
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, global, 0, 0)
}

// adapt gives rings the modes that the wake-up policy wants.
func (r *reader) adapt(changes []wakeup.Change) error {
	for _, c := range changes {
		err := r.setMode(c.Ring, c.Mode)
		if errors.Is(err, source.ErrStale) {
			r.checkAt = r.now
			r.policy.Refused(c.Ring)
			continue
		}
		if err != nil {
			return err
		}
		if c.Mode == source.Lazy {
			continue
		}
		// The CPU is quiet. What it lost at the end of the burst would not be
		// seen until it has something to say again.
		if err := r.deliverLossNow(c.Ring); err != nil {
			return err
		}
		// A record that came before the change wakes nobody up.
		if r.pending(c.Ring) > 0 {
			r.policy.Missed(c.Ring)
		}
	}
	return nil
}

func (r *reader) setMode(i int, mode source.Mode) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ring, ok := r.ringLocked(i).(source.Throttle); ok {
		return ring.SetMode(mode)
	}
	return nil
}

// ringLocked returns ring i, and nil if the rings have been unmapped. The caller holds r.mu.
func (r *reader) ringLocked(i int) source.Ring {
	if i < len(r.rings) {
		return r.rings[i]
	}
	return nil
}

// pending returns how much is waiting in ring i, in the ring's unit.
func (r *reader) pending(i int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ring := r.ringLocked(i); ring != nil {
		return ring.Pending()
	}
	return 0
}

// deliverBatch delivers records of ring i, at most as many as Agent.batchLimit allows, and returns
// how much of the ring these were.
func (r *reader) deliverBatch(i int) (size int) {
	a := r.agent
	pending := a.dispatch.acquire()
	defer a.release() // also if a consumer ends the goroutine, as FailNow does in a test
	a.deliverPendingLocked(pending)
	size = r.readBatchLocked(i)
	a.deliverRecordsLocked(&r.batch)
	return size
}

// maxUnwanted is how many events that nobody wants are passed over while others wait for the dispatch
// lock.
const maxUnwanted = 16 * maxBatch

// readBatchLocked copies records of ring i into the log and makes r.batch of them. It returns how
// much of the ring they took. The caller holds the dispatch lock.
func (r *reader) readBatchLocked(i int) (size int) {
	r.batch.reset()
	r.mu.Lock()
	ring := r.ringLocked(i)
	if ring == nil {
		r.mu.Unlock()
		return 0
	}
	cpu := ring.CPU()
	var lost, unknown, unwanted uint64
	var err error
	rec := &r.record
	limit := int(r.agent.batchLimit.Load()) - r.unflushed.events
	r.agent.stampLocked()
	for ok := true; ok && len(r.batch.records) < limit && unwanted < maxUnwanted && !r.agent.events.Full(); {
		if ok, err = ring.Next(rec); !ok {
			break
		}
		size += max(1, rec.Size)
		switch n := len(rec.Head) + len(rec.Tail); {
		case rec.Kind == source.Sample && n > 0 && n <= source.MaxSample:
			if r.appendSampleLocked(rec, n, cpu) {
				r.unflushed.bytes += n
			} else {
				unwanted++
			}
		case rec.Kind == source.Lost:
			if rec.Lost > 0 {
				lost += rec.Lost
				r.appendLostLocked(rec.Lost, cpu)
			}
		default:
			unknown++
		}
	}
	ring.Release()
	r.mu.Unlock()

	r.unflushed.events += len(r.batch.records)
	r.policy.Found(i, len(r.batch.records)+int(unwanted))
	r.agent.counters.read(r.batch.records, r.now)
	r.agent.counters.unwanted.Add(unwanted)
	r.attachment.counts.records.Add(uint64(len(r.batch.records)) + unwanted)
	r.count(cpu, lost, unknown)
	r.countError(i, err, size > 0)
	return size
}

// maxRingErrors is how many errors of a ring in a row, without a record in between, are put up with.
const maxRingErrors = 10

// countError counts an error of ring i, if there is one. Once there is nothing but errors it sets
// r.ringErr.
func (r *reader) countError(i int, err error, progress bool) {
	errs := &r.errors[i]
	if progress {
		*errs = 0
	}
	if err == nil {
		return
	}
	r.agent.counters.corruptRings.Add(1)
	r.attachment.counts.corruptRings.Add(1)
	r.log().WithError(err).Error("Reading a ring of the source failed, what it held is lost")
	if *errs++; *errs >= maxRingErrors {
		r.ringErr = fmt.Errorf("%d errors in a row, the last one: %w", *errs, err)
	}
}

// deliverLossNow delivers the losses of ring i that there is no record of in it.
func (r *reader) deliverLossNow(i int) error {
	lost, cpu, err := r.lossNow(i)
	if err != nil {
		return fmt.Errorf("read the number of lost events: %w", err)
	}
	if lost == 0 {
		return nil
	}
	r.count(cpu, lost, 0) // before anybody sees it
	a := r.agent
	a.deliverPendingLocked(a.dispatch.acquire())
	r.batch.reset()
	a.stampLocked()
	r.appendLostLocked(lost, cpu)
	a.deliverRecordsLocked(&r.batch)
	a.release()
	a.flush()
	return nil
}

// lossNow returns the losses of ring i that there is no record of in it.
func (r *reader) lossNow(i int) (lost uint64, cpu int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ring, ok := r.ringLocked(i).(source.LossCounter)
	if !ok {
		return 0, 0, nil
	}
	lost, err = ring.LostNow()
	return lost, ring.CPU(), err
}

// appendSampleLocked appends an event of n bytes to the log and to r.batch, and returns false if nobody
// wants it. The caller holds the dispatch lock.
func (r *reader) appendSampleLocked(rec *source.Record, n, cpu int) bool {
	a := r.agent
	first := rec.Head
	if len(first) == 0 {
		first = rec.Tail
	}
	if a.demand.classesOfType(first[0]) == 0 {
		return false
	}
	data := a.events.Sample(n, cpu)
	copy(data[copy(data, rec.Head):], rec.Tail)
	classes := a.demand.classesOf(data)
	a.events.Narrow(classes)
	if classes == 0 {
		return false
	}
	r.batch.add(payload.Payload{Data: data, CPU: cpu, Type: payload.EventSample}, classes)
	a.keepLocked(&r.batch.records[len(r.batch.records)-1], classes)
	return true
}

// appendLostLocked appends a loss of the datapath to the log and to r.batch. The caller holds the
// dispatch lock.
func (r *reader) appendLostLocked(lost uint64, cpu int) {
	pl := payload.Payload{CPU: cpu, Lost: lost, Type: payload.RecordLost}
	r.agent.events.Append(&pl)
	r.agent.keepLocked(&pl, eventlog.AllClasses)
	r.batch.add(pl, eventlog.AllClasses)
}

// count counts losses of a CPU's ring and unknown records of it.
func (r *reader) count(cpu int, lost, unknown uint64) {
	if lost == 0 && unknown == 0 {
		return
	}
	a := r.agent
	a.counters.lost(cpu, lost)
	r.attachment.counts.lost.Add(lost)
	a.Lock()
	defer a.Unlock()
	a.MonitorStatus.Lost += int64(lost)
	a.MonitorStatus.Unknown += int64(unknown)
}
