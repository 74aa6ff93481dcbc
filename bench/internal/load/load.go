// SPDX-License-Identifier: Apache-2.0

// Package load emits BPF events at a chosen rate.
package load

import (
	"errors"
	"iter"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/bench/internal/clock"
	"github.com/cilium/monitor/testutils"
)

// Tick is the mean distance of the bursts that a rate is made of, where the
// rate needs more than one event in that time; below it events come alone.
const Tick = 100 * time.Microsecond

// TimeOffset is where in an event the time of its emission is, as
// bpf_ktime_get_ns gives it.
const TimeOffset = testutils.TraceTimestampOffset

// Emitter emits trace events, as a softirq would: the threads are of real-time priority while they
// keep to a rate, so that user space does not hold them up. Flat out they are as any other thread, like
// ksoftirqd.
type Emitter struct {
	generator *testutils.Generator
	workers   []*worker // by CPU
}

// New creates an events map pinned at path, and an emitter of events into it. The map is a ring buffer of so many
// bytes, or a perf event array if that is 0.
func New(path string, ringBufferSize int) (*Emitter, error) {
	g, err := testutils.NewGenerator(testutils.GeneratorOptions{MeasureTime: true, RingBufferSize: ringBufferSize})
	if err != nil {
		return nil, err
	}
	if err := g.Pin(path); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	e := &Emitter{generator: g}
	for cpu := range runtime.NumCPU() {
		w, err := startWorker(cpu)
		if err != nil {
			return nil, errors.Join(err, e.Close())
		}
		e.workers = append(e.workers, w)
	}
	return e, nil
}

// Close ends the emitter and removes the events map.
func (e *Emitter) Close() error {
	for _, w := range e.workers {
		w.stop()
	}
	return e.generator.Close()
}

// CPUs returns on how many CPUs it can emit.
func (e *Emitter) CPUs() int { return len(e.workers) }

// Map returns the events map.
func (e *Emitter) Map() *ebpf.Map { return e.generator.Map() }

// Counters returns the counters since New.
func (e *Emitter) Counters() (testutils.Counters, error) { return e.generator.Counters() }

// EmitOnEach emits a single event on each CPU.
func (e *Emitter) EmitOnEach() error {
	for _, w := range e.workers {
		if err := w.do(func() error { return e.generator.EmitTrace(1) }); err != nil {
			return err
		}
	}
	return nil
}

// Run emits rate events a second for d on CPU 0, or as many as it can if rate is 0. It
// returns how long it took.
func (e *Emitter) Run(rate float64, d time.Duration) (took time.Duration, err error) {
	err = e.workers[0].do(func() (err error) {
		start := time.Now()
		if rate == 0 {
			err = e.flatOut(d)
		} else {
			err = e.paced(rate, d)
		}
		took = time.Since(start)
		return err
	})
	return took, err
}

// RunShape emits events in that shape for d, and returns how many bursts came late by more than half of
// the interval between them, as a share of all. A burst that is late comes at once.
func (e *Emitter) RunShape(s Shape, d time.Duration, seed uint64) (late float64, err error) {
	const lead = time.Millisecond // until all threads are there
	start := clock.Monotonic() + int64(lead)
	type outcome struct {
		bursts, late int
		err          error
	}
	outcomes := make(chan outcome)
	for cpu, w := range e.workers[:s.CPUs] {
		go func() {
			var o outcome
			o.err = w.do(func() (err error) {
				o.bursts, o.late, err = e.shaped(s, start, s.Arrivals(cpu, d, seed))
				return err
			})
			outcomes <- o
		}()
	}
	var sum outcome
	for range s.CPUs {
		o := <-outcomes
		sum.bursts += o.bursts
		sum.late += o.late
		sum.err = errors.Join(sum.err, o.err)
	}
	return float64(sum.late) / float64(max(sum.bursts, 1)), sum.err
}

// shaped emits the bursts of one CPU.
func (e *Emitter) shaped(s Shape, start int64, arrivals iter.Seq[time.Duration]) (bursts, late int, err error) {
	restore, err := realTime()
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, restore()) }()
	tolerance := int64(s.Interval() / 2)
	for at := range arrivals {
		due := start + int64(at)
		sleepUntil(due)
		if clock.Monotonic()-due > tolerance {
			late++
		}
		if err := e.generator.EmitTrace(s.AtOnce()); err != nil {
			return bursts, late, err
		}
		bursts++
	}
	return bursts, late, nil
}

func (e *Emitter) flatOut(d time.Duration) error {
	const batch = 256 // some 0.1 ms
	for start := time.Now(); time.Since(start) < d; {
		if err := e.generator.EmitTrace(batch); err != nil {
			return err
		}
	}
	return nil
}

// paced emits a burst at intervals between half and one and a half of the
// tick, so that no timer of the agent's falls into step with it. What it could
// not emit in time comes later, but in bursts of twice the usual size at most,
// and after that not at all.
func (e *Emitter) paced(rate float64, d time.Duration) (err error) {
	restore, err := realTime()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()

	interval := max(float64(Tick), float64(time.Second)/rate)
	limit := 2 * rate * interval / float64(time.Second)
	start := clock.Monotonic()
	var at, due float64 // ns since start; events not emitted yet
	for {
		step := interval * (0.5 + rand.Float64())
		at += step
		if at > float64(d) {
			return nil
		}
		sleepUntil(start + int64(at))
		if late := float64(clock.Monotonic()-start) - at; late > interval {
			at += late
			step += late
		}
		due = min(due+step*rate/float64(time.Second), limit+1)
		if n := int(due); n > 0 {
			if err := e.generator.EmitTrace(n); err != nil {
				return err
			}
			due -= float64(n)
		}
	}
}
