// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent/internal/wakeup"
	"github.com/cilium/monitor/agent/source"
)

// A reader that fails is started again after this long, and after twice as long
// each time it fails again.
const (
	minRetryDelay = 100 * time.Millisecond
	maxRetryDelay = time.Second
)

// checkInterval is how often a reader looks whether its rings still get all that is written.
const checkInterval = time.Second

// The reader sleeps in a system call. A goroutine that does nothing else for 10 ms looks to the Go
// scheduler's monitor as if it never let go of its processor: from then on the monitor takes it away in each
// sleep, 20 us after it began, and all of this costs twice as much CPU as sleeping and reading do. Where it is
// taken away in a sleep of more than 10 ms, the monitor goes to sleep; the next system call wakes it up, and it
// looks around some 60 times in the next milliseconds, at 20 us of CPU each. Yielding now and then
// avoids both (retake and forcePreemptNS in runtime/proc.go). So where visits follow each other within yieldsAfter
// the reader wakes up to yield between them, which costs less than the monitor does.
const (
	yieldEvery  = 4 * time.Millisecond
	yieldsAfter = 50 * time.Millisecond
)

// reader reads one source on a goroutine of its own, from the first subscriber to the last
// one. Each time there is a first subscriber again a new reader is started.
//
// The mutex excludes those who unmap the rings while they are being read; it is held
// for copying, never in a callback. It is taken after Agent.Mutex.
type reader struct {
	agent      *Agent
	attachment *attachment
	suppressor source.Suppressor // the source, if it is one; else nil

	// stop ends the goroutine. If it is the agent that stops, or the source that is
	// detached, drain is set before, and what is in the rings is delivered first.
	stopped context.Context
	stop    context.CancelFunc

	mu     sync.Mutex    // guards what follows
	opened source.Rings  // nil while not open
	rings  []source.Ring // of opened; nil once unmapped
	next   source.Rings  // that take their place, see replace; else nil
	drain  bool

	// Used by the goroutine only, once it runs.
	policy    *wakeup.Policy
	start     time.Time // what its times are since
	now       time.Time // when the current visit began
	before    time.Time // when the one before did
	losses    bool      // a ring is a source.LossCounter
	asked     time.Time // when what was suppressed was asked for last
	errors    []int     // of each ring, in a row
	checkAt   time.Time // when to check the rings
	batch     batch
	unflushed struct{ events, bytes int } // delivered, but not written to clients
	flushed   time.Time                   // when the visit began that wrote to them last
	ringErr   error                       // why the rings are given up, see countError
	record    source.Record               // here since a local one would be allocated for each batch
}

// startReadersLocked starts a reader for each source that has none if there are subscribers.
// The caller holds a.Mutex.
func (a *Agent) startReadersLocked() {
	if a.stopping || !a.subscribedLocked() {
		return
	}
	for _, at := range a.attachments {
		if at.reader == nil && at.detaching == nil && !a.precededLocked(at) {
			a.startReaderLocked(at)
		}
	}
}

func (a *Agent) startReaderLocked(at *attachment) {
	r := &reader{
		agent:      a,
		attachment: at,
	}
	r.suppressor, _ = at.source.(source.Suppressor)
	r.stopped, r.stop = context.WithCancel(context.Background())
	at.reader = r
	openErr := r.openLocked()
	at.readers.Go(func() { r.run(openErr) })
}

// stopReadersIfUnusedLocked stops the readers if nobody is subscribed any more. The datapath
// writes no more once it returns. The caller holds a.Mutex.
func (a *Agent) stopReadersIfUnusedLocked() {
	if a.stopping || a.subscribedLocked() {
		return
	}
	for _, at := range a.attachments {
		if at.reader == nil || at.detaching != nil {
			continue
		}
		at.reader.stop()
		at.reader.unmap()
		at.reader = nil
		a.reportIdleLocked(at)
	}
}

// running tells whether the rings are open.
func (r *reader) running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.opened != nil
}

// openLocked opens the source. The caller holds Agent.Mutex, which sees to it that nobody
// opens it at the same time.
func (r *reader) openLocked() error {
	opened, rings, err := r.attachment.openLocked(r.agent.demand.wantedLocked())
	if err != nil {
		return err
	}
	r.passOverSuppressedLocked()
	r.agent.updateAttachedLocked()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.stopped.Err(); err != nil {
		return errors.Join(err, opened.Close())
	}
	r.useLocked(opened, rings)
	return nil
}

// openLocked opens the source, which is told what is wanted, and checks its rings. The caller holds Agent.Mutex.
func (at *attachment) openLocked(wanted source.Wanted) (opened source.Rings, rings []source.Ring, err error) {
	if opened, err = at.source.Open(); err != nil {
		return nil, nil, err
	}
	if opened == nil {
		return nil, nil, errors.New("opening it returned no rings")
	}
	_ = at.setWantedLocked(&wanted) // untold: events are read all the same
	rings = opened.All()
	at.uncounted = at.kind() == ringBuffer
	for i, ring := range rings {
		if _, ok := ring.(source.LossCounter); ok {
			at.uncounted = false
		}
		if ring == nil {
			return nil, nil, errors.Join(fmt.Errorf("ring %d is nil", i), opened.Close())
		}
		if cpu := ring.CPU(); cpu < 0 || cpu >= source.MaxCPUs {
			return nil, nil, errors.Join(fmt.Errorf("ring %d is one of CPU %d, which can't be", i, cpu), opened.Close())
		}
	}
	return opened, rings, nil
}

// useLocked has the reader read these rings. The caller holds r.mu.
func (r *reader) useLocked(opened source.Rings, rings []source.Ring) {
	r.opened, r.rings = opened, rings
	r.now = time.Now()
	r.start, r.checkAt = r.now, r.now.Add(checkInterval)
	r.losses, r.errors = false, make([]int, len(rings))
	throttled := make([]bool, len(rings))
	for i, ring := range rings {
		_, throttled[i] = ring.(source.Throttle)
		_, countsLosses := ring.(source.LossCounter)
		r.losses = r.losses || countsLosses
		r.agent.counters.lost(ring.CPU(), 0) // so that it is there
	}
	r.policy = wakeup.New(throttled, r.agent.maxDelay)
}

// unmap unmaps the rings and makes the goroutine look whether it is to end.
func (r *reader) unmap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened == nil {
		return
	}
	r.rings = nil
	err := r.opened.Unmap()
	if r.next != nil {
		err = errors.Join(err, r.next.Unmap())
	}
	if err != nil {
		r.log().WithError(err).Warn("Unmapping the " + r.attachment.ringsText() + " failed")
	}
	r.wakeLocked()
}

// wakeLocked wakes the goroutine up. The caller holds r.mu, so that the source is open.
func (r *reader) wakeLocked() {
	if err := r.opened.Wake(); err != nil {
		r.log().WithError(err).Error("Waking up the reader of the " + r.attachment.ringsText() + " failed")
	}
}

// drainAndStop makes the goroutine deliver what is in the rings and end.
func (r *reader) drainAndStop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drain = true
	r.stop()
	if r.opened != nil {
		r.wakeLocked()
	}
}

func (r *reader) log() logrus.FieldLogger { return r.agent.log.WithField("source", r.attachment.name) }

// run reads until the reader is stopped. err is the one of the open before.
func (r *reader) run(err error) {
	delay := minRetryDelay
	for {
		opened := err == nil
		if opened {
			r.reportReading()
			var progress bool
			progress, err = r.read()
			if err != nil || r.drainRequested() {
				err = errors.Join(err, r.detachAndDrain())
			}
			r.close()
			if progress {
				delay = minRetryDelay
			}
		}
		if r.stopped.Err() != nil {
			if opened && err != nil && r.drainRequested() {
				r.log().WithError(err).Error("Reading the rest of the " + r.attachment.ringsText() + " failed")
			}
			return
		}
		r.reportFailed(err, delay)
		select {
		case <-r.stopped.Done():
			return
		case <-time.After(delay):
		}
		delay = min(2*delay, maxRetryDelay)
		r.agent.Lock()
		err = r.openLocked()
		r.agent.Unlock()
	}
}

// drainRequested tells whether what the datapath wrote before the reader was stopped is wanted.
func (r *reader) drainRequested() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drain
}

func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.opened.Close(); err != nil {
		r.log().WithError(err).Warn("Closing the " + r.attachment.ringsText() + " failed")
	}
	r.opened, r.rings = nil, nil
}

// read reads the rings until the reader is stopped or fails, and returns whether it
// read anything.
func (r *reader) read() (progress bool, err error) {
	var slack timerSlack
	var yielded time.Time
	for {
		// Nobody closes the source but this goroutine, so it can be waited for
		// without the mutex.
		slack.reduce()
		timeout, yields := r.timeout()
		woken, err := r.opened.Wait(timeout)
		if err != nil {
			return progress, fmt.Errorf("wait for rings: %w", err)
		}
		if r.stopped.Err() != nil {
			return progress, nil
		}
		now := time.Now()
		if now.Sub(yielded) >= yieldEvery && r.visitsSoon(now) {
			yielded = now
			runtime.Gosched()
		}
		if yields && len(woken) == 0 {
			continue
		}
		found, err := r.visit(now, woken)
		progress = progress || found
		if err != nil {
			return progress, err
		}
		if !r.now.Before(r.checkAt) {
			if err := r.check(); err != nil {
				return progress, err
			}
		}
	}
}

// visitsSoon tells whether another visit is likely to take place soon: the last ones did.
func (r *reader) visitsSoon(now time.Time) bool {
	return now.Sub(r.now) < yieldsAfter && r.now.Sub(r.before) < yieldsAfter
}

// visit looks into the rings that may have something.
func (r *reader) visit(now time.Time, woken []int) (found bool, err error) {
	r.before, r.now = r.now, now
	suppressed := r.suppressedInTurn()
	look, changes := r.policy.Begin(r.now.Sub(r.start), woken)
	if err := r.adapt(changes); err != nil {
		return false, err
	}
	for _, i := range look {
		if r.drainRing(i) {
			found = true
		}
	}
	r.drainAndDeliverSuppressed(suppressed)
	r.flushInTurn()
	if err := r.ringErr; err != nil {
		r.flush()
		r.ringErr = nil
		return found, err
	}
	for _, i := range look {
		if r.pending(i) > 0 {
			r.policy.More(i)
		}
	}
	r.agent.counters.polled(len(woken) > 0, r.policy.Records())
	return found, r.adapt(r.policy.End(time.Since(r.start)))
}
