// SPDX-License-Identifier: Apache-2.0

package load

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// worker is a thread that stays on one CPU.
type worker struct {
	jobs  chan job
	ended chan struct{}
}

type job struct {
	run    func() error
	result chan error
}

func startWorker(cpu int) (*worker, error) {
	w := &worker{jobs: make(chan job), ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		runtime.LockOSThread() // and never unlock: the thread ends with its affinity
		for j := range w.jobs {
			j.result <- j.run()
		}
	}()
	err := w.do(func() error {
		var set unix.CPUSet
		set.Set(cpu)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("moving to CPU %d: %w", cpu, err)
		}
		return unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	})
	if err != nil {
		w.stop()
		return nil, err
	}
	return w, nil
}

// do runs f on the worker's thread.
func (w *worker) do(f func() error) error {
	j := job{run: f, result: make(chan error)}
	w.jobs <- j
	return <-j.result
}

// stop ends the worker, which has nothing to do, and waits for it.
func (w *worker) stop() {
	close(w.jobs)
	<-w.ended
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
