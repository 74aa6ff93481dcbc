// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/api/payload"
)

// pass distributes what is in the rings when it comes to them, and returns whether
// that was anything.
func (r *reader) pass() (progress bool) {
	for i := range r.wakeups.rings {
		for pending := r.pending(i); pending > 0; {
			size := r.chunk(i)
			if size == 0 {
				break
			}
			pending -= size
			progress = true
		}
	}
	return progress
}

// rest has the datapath stop writing, and distributes what it wrote until then.
func (r *reader) rest() error {
	r.mu.Lock()
	err := r.rings.Detach()
	r.mu.Unlock()

	r.pass()
	for i := range r.wakeups.rings {
		err = errors.Join(err, r.reportLost(i))
	}
	r.pass() // a program that was running at the time may have written late
	return err
}

// adapt gives the rings the modes that the wake-up policy wants.
func (r *reader) adapt() error {
	for i := range r.wakeups.rings {
		mode := r.wakeups.mode(i)
		changed, err := r.setMode(i, mode)
		if err != nil {
			return err
		}
		if !changed || mode != perfring.Eager {
			continue
		}
		// The CPU is quiet. What it lost at the end of the burst would not be
		// seen until it has something to say again.
		if err := r.reportLost(i); err != nil {
			return err
		}
		// A record that came before the change, or from a program that was
		// running at the time, wakes nobody up.
		if r.pending(i) > 0 {
			r.wakeups.revisit(0)
		} else {
			r.wakeups.revisit(maxRest)
		}
	}
	return nil
}

func (r *reader) setMode(i int, mode perfring.Mode) (changed bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ring := r.ring(i)
	if ring == nil || ring.Mode() == mode {
		return false, nil
	}
	return true, r.rings.SetMode(ring, mode)
}

// ring returns ring i, and nil if the rings have been unmapped. The caller holds r.mu.
func (r *reader) ring(i int) *perfring.Ring {
	if rings := r.rings.All(); i < len(rings) {
		return rings[i]
	}
	return nil
}

// pending returns how many bytes are waiting in ring i.
func (r *reader) pending(i int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ring := r.ring(i); ring != nil {
		return ring.Pending()
	}
	return 0
}

// chunk distributes records of ring i, so few that clients which are up to date do not
// miss any, and returns how many bytes of the ring these were.
func (r *reader) chunk(i int) (size int) {
	r.distribute(func() { size = r.copyRecords(i) })
	return size
}

// distribute distributes the batch that fill makes, in its turn, and writes it to clients.
func (r *reader) distribute(fill func()) {
	a := r.agent
	a.distributeSent(a.turn.take()...)
	fill()
	a.distributeRead(r.batch)
	a.giveTurn()
	r.wakeups.wrote(a.flush())
}

// reportLost distributes the losses of ring i that the kernel did not write into it.
func (r *reader) reportLost(i int) error {
	r.mu.Lock()
	var lost uint64
	var cpu int
	var err error
	if ring := r.ring(i); ring != nil {
		cpu = ring.CPU()
		lost, err = ring.LostNow()
	}
	r.mu.Unlock()
	if err != nil {
		return fmt.Errorf("read the number of lost events: %w", err)
	}
	if lost == 0 {
		return nil
	}
	r.agent.count(cpu, lost, 0) // before anybody sees it
	r.distribute(func() {
		r.batch = r.batch[:0]
		r.addLost(lost, cpu)
	})
	return nil
}

// copyRecords copies records of ring i into the log and makes r.batch of them. It
// returns how many bytes of the ring they took. The caller has the turn.
func (r *reader) copyRecords(i int) (size int) {
	r.batch = r.batch[:0]
	r.mu.Lock()
	ring := r.ring(i)
	if ring == nil {
		r.mu.Unlock()
		return 0
	}
	start, cpu := ring.Position(), ring.CPU()
	var lost, unknown uint64
	var err error
	for ok := true; ok && len(r.batch) < r.most; {
		var rec perfring.Record
		if ok, err = ring.Next(&rec); !ok {
			break
		}
		switch rec.Kind {
		case perfring.Sample:
			data := r.agent.events.Sample(len(rec.Head)+len(rec.Tail), cpu)
			copy(data[copy(data, rec.Head):], rec.Tail)
			r.batch = append(r.batch, payload.Payload{Data: data, CPU: cpu, Type: payload.EventSample})
		case perfring.Lost:
			lost += rec.Lost
			if rec.Lost > 0 {
				r.addLost(rec.Lost, cpu)
			}
		case perfring.Unknown:
			unknown++
		}
	}
	ring.Release()
	size = int(ring.Position() - start)
	r.mu.Unlock()

	r.wakeups.read(i, len(r.batch))
	r.agent.counters.read(r.batch, r.wakeups.now)
	r.agent.count(cpu, lost, unknown)
	if err != nil {
		r.agent.counters.corruptRings.Add(1)
		r.agent.log.WithError(err).Error("Reading a perf ring buffer failed, what it held is lost")
	}
	return size
}

// addLost adds a loss of the datapath to the log and to r.batch. The caller has the turn.
func (r *reader) addLost(lost uint64, cpu int) {
	pl := payload.Payload{CPU: cpu, Lost: lost, Type: payload.RecordLost}
	r.agent.events.Append(&pl)
	r.batch = append(r.batch, pl)
}

// count counts losses of a CPU's ring and unknown records of it.
func (a *Agent) count(cpu int, lost, unknown uint64) {
	if lost == 0 && unknown == 0 {
		return
	}
	a.counters.lost(cpu, lost)
	a.Lock()
	defer a.Unlock()
	a.MonitorStatus.Lost += int64(lost)
	a.MonitorStatus.Unknown += int64(unknown)
}
