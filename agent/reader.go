// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/api/payload"
)

// A reader that fails is started again after this long, and after twice as long
// each time it fails again.
const (
	minRetryDelay = 100 * time.Millisecond
	maxRetryDelay = 10 * time.Second
)

// The reader sleeps in a system call. A goroutine that does nothing else for 10 ms
// looks to the Go scheduler's monitor as if it never let go of its processor: from then on
// the monitor takes it away in each sleep, 20 us after it began, and all of
// this costs twice as much CPU as sleeping and reading do. Yielding now and then
// avoids that; before a long sleep the processor had better be taken away.
// (forcePreemptNS in runtime/proc.go)
const yieldEvery = 4 * time.Millisecond

// reader reads the perf ring buffers on a goroutine of its own, from the first
// subscriber to the last one. Each time there is a first subscriber again a new
// reader is started.
//
// The mutex excludes those who unmap the rings while they are being read; it is held
// for copying, never in a callback. It is taken after Agent.Mutex.
type reader struct {
	agent *Agent
	ended chan struct{} // closed when the goroutine ends

	// stop ends the goroutine. If it is the agent that stops, drain is set before,
	// and what is in the rings is distributed first.
	stopped context.Context
	stop    context.CancelFunc

	mu    sync.Mutex      // guards what follows
	rings *perfring.Rings // nil while not open
	drain bool

	// Used by the goroutine only, once it runs.
	wakeups wakeups
	batch   []payload.Payload // with Data that lies in the log
	most    int               // length of batch
}

// startReader starts a reader if there are subscribers and something to read, and none
// runs. The caller holds a.Mutex.
func (a *Agent) startReader() {
	if a.reader != nil || a.eventsMap == nil || a.stopping || !a.subscribed() {
		return
	}
	r := &reader{
		agent: a,
		ended: make(chan struct{}),
		most:  min(256, max(1, a.queueSize/4)),
	}
	r.stopped, r.stop = context.WithCancel(context.Background())
	a.reader = r
	openErr := r.open()
	a.goroutines.Go(func() {
		defer close(r.ended)
		r.run(openErr)
	})
}

// stopReaderIfUnused stops the reader if nobody is subscribed any more. The datapath
// writes no more once it returns. The caller holds a.Mutex.
func (a *Agent) stopReaderIfUnused() {
	if a.reader == nil || a.subscribed() {
		return
	}
	a.reader.stop()
	a.reader.unmap()
	a.reader = nil
	if !a.stopping {
		a.idle()
	}
}

// running tells whether the rings are open.
func (r *reader) running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rings != nil
}

// open opens the rings. The caller holds Agent.Mutex, which guards the map.
func (r *reader) open() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.stopped.Err(); err != nil {
		return err
	}
	rings, err := perfring.Open(r.agent.eventsMap, r.agent.pages)
	if err != nil {
		return err
	}
	r.rings = rings
	r.wakeups = newWakeups(len(rings.All()))
	for _, ring := range rings.All() {
		r.agent.counters.lost(ring.CPU(), 0) // so that it is there
	}
	return nil
}

// unmap unmaps the rings and makes the goroutine look whether it is to end.
func (r *reader) unmap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rings == nil {
		return
	}
	if err := r.rings.Unmap(); err != nil {
		r.agent.log.WithError(err).Warn("Unmapping the perf ring buffers failed")
	}
	r.wake()
}

// wake wakes the goroutine up. The caller holds r.mu, so that the rings are there.
func (r *reader) wake() {
	if err := r.rings.Wake(); err != nil {
		r.agent.log.WithError(err).Error("Waking up the perf ring buffer reader failed")
	}
}

// drainAndStop makes the goroutine distribute what is in the rings and end.
func (r *reader) drainAndStop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drain = true
	r.stop()
	if r.rings != nil {
		r.wake()
	}
}

// run reads until the reader is stopped. err is the one of the open before.
func (r *reader) run(err error) {
	delay := minRetryDelay
	for {
		if err == nil {
			r.agent.reading(r)
			var progress bool
			progress, err = r.read()
			if err != nil || r.drains() {
				err = errors.Join(err, r.rest())
			}
			r.closeRings()
			if progress {
				delay = minRetryDelay
			}
		}
		if r.stopped.Err() != nil {
			if err != nil && r.drains() {
				r.agent.log.WithError(err).Error("Reading the rest of the perf ring buffers failed")
			}
			return
		}
		r.agent.failed(r, err, delay)
		select {
		case <-r.stopped.Done():
			return
		case <-time.After(delay):
		}
		delay = min(2*delay, maxRetryDelay)
		r.agent.Lock()
		err = r.open()
		r.agent.Unlock()
	}
}

// drains tells whether what the datapath wrote before the reader was stopped is wanted.
func (r *reader) drains() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drain
}

func (r *reader) closeRings() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rings == nil {
		return
	}
	if err := r.rings.Close(); err != nil {
		r.agent.log.WithError(err).Warn("Closing the perf ring buffers failed")
	}
	r.rings = nil
}

// read reads the rings until the reader is stopped or fails, and returns whether it
// read anything.
func (r *reader) read() (progress bool, err error) {
	var yielded time.Time
	for {
		// Nobody closes the rings but this goroutine, so they can be waited for
		// without the mutex.
		woken, err := r.rings.Wait(r.wakeups.timeout())
		if err != nil {
			return progress, fmt.Errorf("wait for perf ring buffers: %w", err)
		}
		if r.stopped.Err() != nil {
			return progress, nil
		}
		start := time.Now()
		r.wakeups.begin(start)
		if r.pass() {
			progress = true
		}
		r.wakeups.end()
		r.agent.counters.visited(woken, r.wakeups.records)
		if err := r.adapt(); err != nil {
			return progress, err
		}
		if r.wakeups.sleepsShortly() && start.Sub(yielded) > yieldEvery {
			yielded = start
			runtime.Gosched()
		}
	}
}
