// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/load"
	"github.com/cilium/monitor/testutils"
)

// figures of one run.
type figures struct {
	Rate         float64 // events a second that were emitted in fact
	Tax          float64 // ns an event inside the BPF program
	CPUEvent     float64 // ns of the agent an event that got into the ring
	CPUDelivery  float64 // ns of the agent a delivery to a client
	AllocsEvent  float64 // heap objects of the agent an event
	PeakMemory   float64 // bytes
	Proportional float64 // bytes
	Latency      drain.Histogram
	Throughput   float64 // of traffic, in its unit a second
	Late         float64 // share of the bursts that the emitter was late with
	fate         fate
}

// fate counts what became of the events, summed over the clients.
type fate struct {
	Expected   uint64 // emitted, whether the ring had space or not
	Delivered  uint64
	LostKernel uint64 // reported: the ring was full
	LostQueue  uint64 // reported: the client was slow
}

// silent is how many events no client was told about.
func (f fate) silent() int64 {
	return int64(f.Expected - f.Delivered - f.LostKernel - f.LostQueue)
}

// String gives the shares in percent.
func (f fate) String() string {
	share := func(n uint64) float64 { return 100 * float64(n) / float64(f.Expected) }
	return fmt.Sprintf("delivered %.2f %%, reported lost %.2f %%, silently lost %.2f %%",
		share(f.Delivered), share(f.LostKernel+f.LostQueue), share(uint64(f.silent())))
}

// warmUp is how much load each run is given before what counts.
const warmUp = 200 * time.Millisecond

// measure puts rate events a second (0: flat out) on the session for d.
func measure(s *session, em *load.Emitter, rate float64, d time.Duration) (figures, error) {
	if _, err := em.Run(max(rate, 1000), warmUp); err != nil {
		return figures{}, err
	}
	return measureLoad(s, em, func() error {
		_, err := em.Run(rate, d)
		return err
	})
}

// source emits events.
type source interface {
	Counters() (testutils.Counters, error)
	// EmitOnEach emits one event on each CPU.
	EmitOnEach() error
}

// measureLoad measures the session while run has the source emit events.
func measureLoad(s *session, from source, run func() error) (figures, error) {
	// The agent is asked outside of the time in which its CPU counts.
	allocsBefore, err := s.allocs()
	if err != nil {
		return figures{}, err
	}
	before, err := takeSnapshot(s, from)
	if err != nil {
		return figures{}, err
	}
	start := time.Now()
	if err := run(); err != nil {
		return figures{}, err
	}
	took := time.Since(start)
	loaded, err := from.Counters()
	if err != nil {
		return figures{}, err
	}
	after, err := takeSnapshot(s, from)
	if err != nil {
		return figures{}, err
	}
	allocsAfter, err := s.allocs()
	if err != nil {
		return figures{}, err
	}

	var f figures
	n := float64(loaded.Total() - before.counters.Total())
	ok := float64(after.counters.Written - before.counters.Written)
	cpu := float64(after.cpu - before.cpu)
	f.Rate = n / took.Seconds()
	f.Tax = float64(loaded.Time-before.counters.Time) / n
	f.CPUEvent = cpu / ok
	f.AllocsEvent = float64(allocsAfter.Objects-allocsBefore.Objects) / ok

	f.fate.Expected = (after.counters.Total() - before.counters.Total()) * uint64(len(after.report.Counts))
	for i, c := range after.report.Counts {
		b := before.report.Counts[i]
		f.fate.Delivered += c.Delivered - b.Delivered
		f.fate.LostKernel += c.LostKernel - b.LostKernel
		f.fate.LostQueue += c.LostQueue - b.LostQueue
	}
	if f.fate.silent() < 0 {
		return f, fmt.Errorf("clients got or missed more than was emitted: %+v", f.fate)
	}
	f.CPUDelivery = cpu / float64(f.fate.Delivered)
	if n := after.counters.NoReader + after.counters.Failed - before.counters.NoReader - before.counters.Failed; n > 0 {
		return f, fmt.Errorf("%d events met no reader", n)
	}
	f.Latency = after.report.Latency
	if f.PeakMemory, err = s.peakMemory(); err != nil {
		return f, err
	}
	f.Proportional, err = s.proportional()
	return f, err
}

// snapshot is the state of everything after all that was emitted has arrived.
type snapshot struct {
	counters testutils.Counters
	report   drain.Report
	cpu      time.Duration
}

// takeSnapshot waits until each event has reached each client or is not going
// to, and the agent is at rest. The kernel tells of a full ring with the next event
// that fits, so one more is emitted for that on each CPU.
func takeSnapshot(s *session, from source) (snapshot, error) {
	var snap snapshot
	latency := drain.Histogram{}
	for round := range 2 {
		if round == 1 {
			if err := from.EmitOnEach(); err != nil {
				return snap, err
			}
		}
		var err error
		if snap.counters, err = from.Counters(); err != nil {
			return snap, err
		}
		expected := s.received + (offered(snap.counters)-s.emitted)*uint64(s.clients)
		if snap.report, err = settle(s, expected, latency); err != nil {
			return snap, err
		}
		if sum(snap.report) == expected {
			break
		}
	}
	snap.report.Latency = latency
	var err error
	snap.cpu, err = s.cpu()
	return snap, err
}

// settle returns the clients' report once it has not changed for a while, which is
// shorter if there are as many events as expected.
func settle(s *session, expected uint64, latency drain.Histogram) (drain.Report, error) {
	const rest, quiet = 20 * time.Millisecond, 60 * time.Millisecond
	last, err := s.report()
	if err != nil {
		return last, err
	}
	latency.Merge(last.Latency)
	for still := time.Duration(0); still < quiet; {
		const step = 10 * time.Millisecond
		time.Sleep(step)
		r, err := s.report()
		if err != nil {
			return r, err
		}
		latency.Merge(r.Latency)
		if sum(r) == sum(last) {
			still += step
		} else {
			still = 0
		}
		last = r
		if still >= rest && sum(r) == expected {
			break
		}
	}
	return last, nil
}

func sum(r drain.Report) (n uint64) {
	for _, c := range r.Counts {
		n += c.Delivered + c.LostKernel + c.LostQueue
	}
	return n
}
