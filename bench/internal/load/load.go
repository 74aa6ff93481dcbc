// SPDX-License-Identifier: Apache-2.0

// Package load emits BPF events at a chosen rate.
package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/testutils"
)

// Tick is the mean distance of the bursts that a rate is made of, where the
// rate needs more than one event in that time; below it events come alone.
const Tick = 100 * time.Microsecond

// TimeOffset is where in an event the time of its emission is, as
// bpf_ktime_get_ns gives it.
const TimeOffset = testutils.TraceTimestampOffset

// Emitter emits trace events on CPU 0, as a softirq would: the thread is of
// real-time priority while it keeps to a rate, so that user space does not
// hold it up. Flat out it is as any other thread, like ksoftirqd.
type Emitter struct {
	generator *testutils.Generator
	jobs      chan func() error
	results   chan error
	ended     chan struct{}
}

// New creates an events map pinned at path, and an emitter of events into it.
func New(path string) (*Emitter, error) {
	g, err := testutils.NewGenerator(testutils.GeneratorOptions{MeasureTime: true})
	if err != nil {
		return nil, err
	}
	if err := g.Pin(path); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	e := &Emitter{generator: g, jobs: make(chan func() error), results: make(chan error), ended: make(chan struct{})}
	go func() {
		defer close(e.ended)
		runtime.LockOSThread() // and never unlock: the thread ends with its affinity
		for job := range e.jobs {
			e.results <- job()
		}
	}()
	err = e.do(func() error {
		var cpu unix.CPUSet
		cpu.Set(0)
		if err := unix.SchedSetaffinity(0, &cpu); err != nil {
			return fmt.Errorf("moving to CPU 0: %w", err)
		}
		return unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	})
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Close ends the emitter and removes the events map.
func (e *Emitter) Close() error {
	close(e.jobs)
	<-e.ended
	return e.generator.Close()
}

// Map returns the events map.
func (e *Emitter) Map() *ebpf.Map { return e.generator.Map() }

// Counters returns the counters since New.
func (e *Emitter) Counters() (testutils.Counters, error) { return e.generator.Counters() }

// EmitOne emits a single event.
func (e *Emitter) EmitOne() error {
	return e.do(func() error { return e.generator.EmitTrace(1) })
}

// do runs job on the emitter's thread.
func (e *Emitter) do(job func() error) error {
	e.jobs <- job
	return <-e.results
}

// Run emits rate events a second for d, or as many as it can if rate is 0. It
// returns how long it took.
func (e *Emitter) Run(rate float64, d time.Duration) (took time.Duration, err error) {
	err = e.do(func() (err error) {
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
	start := now()
	var at, due float64 // ns since start; events not emitted yet
	for {
		step := interval * (0.5 + rand.Float64())
		at += step
		if at > float64(d) {
			return nil
		}
		sleepUntil(start + int64(at))
		if late := float64(now()-start) - at; late > interval {
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

func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic(fmt.Sprintf("reading CLOCK_MONOTONIC: %v", err))
	}
	return ts.Nano()
}

func sleepUntil(ns int64) {
	ts := unix.NsecToTimespec(ns)
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &ts, nil) == unix.EINTR {
	}
}

// realTime gives the thread real-time priority, until restore is called.
func realTime() (restore func() error, err error) {
	before, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return nil, fmt.Errorf("getting the emitter's scheduling policy: %w", err)
	}
	fifo := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, fifo, 0); err != nil {
		return nil, fmt.Errorf("setting the emitter's scheduling policy: %w", err)
	}
	return func() error { return unix.SchedSetAttr(0, before, 0) }, nil
}
