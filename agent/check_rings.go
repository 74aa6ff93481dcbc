// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/monitor/agent/source"
)

// timeout returns how long to wait for a wake-up before the next visit, or before it is time to yield.
func (r *reader) timeout() (timeout time.Duration, yields bool) {
	at, ok := r.policy.NextPoll()
	next := r.start.Add(at)
	if r.needsChecks() && (!ok || r.checkAt.Before(next)) {
		next, ok = r.checkAt, true
	}
	now := time.Now()
	timeout = max(0, next.Sub(now))
	switch {
	case (!ok || timeout > yieldEvery) && r.visitsSoon(now):
		return yieldEvery, true
	case !ok:
		return source.Forever, false
	default:
		return timeout, false
	}
}

// needsChecks tells whether check has anything to do.
func (r *reader) needsChecks() bool {
	_, checks := r.opened.(source.Checker)
	_, selects := r.attachment.source.(source.Selective)
	return checks || selects || r.losses || r.suppressor != nil
}

// check looks whether the rings still get all that is written. Rings that do not are replaced
// if that is possible; in any case it is reported. The error is one after which the reader
// can't go on.
func (r *reader) check() error {
	r.checkAt = r.now.Add(checkInterval)
	// Losses that there will be no record of as long as nothing fits in the ring.
	for i := range r.policy.Rings() {
		if err := r.deliverLossNow(i); err != nil {
			return err
		}
	}
	err := r.checkRings()
	if untold := r.checkTold(); err == nil {
		err = untold
	}
	if errors.Is(err, source.ErrStale) {
		err = r.replace(err)
	}
	if ask := r.agent.eventsMapCheck; err == nil && ask != nil && r.attachment.name == EventsMapSource {
		err = ask()
	}
	if r.stopped.Err() == nil {
		r.reportChecked(err)
	}
	return nil
}

// checkTold tells the source what is wanted if it does not know, and returns [source.ErrStale] once it does: what was not made until
// then is missing.
func (r *reader) checkTold() error {
	a, at := r.agent, r.attachment
	a.Lock()
	defer a.Unlock()
	untold := at.untold
	if at.reader != r || untold == nil {
		return nil
	}
	wanted := a.demand.wantedLocked()
	if err := at.setWantedLocked(&wanted); err != nil {
		return err
	}
	return fmt.Errorf("%w: %w", source.ErrStale, untold)
}

func (r *reader) checkRings() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	checker, ok := r.opened.(source.Checker)
	if !ok || r.rings == nil {
		return nil
	}
	return checker.Check()
}

// replace opens the source anew and reads that, once what the rings until now have is delivered. If
// it can't be opened these are kept, and the error says why.
func (r *reader) replace(stale error) error {
	if err := r.openNext(); err != nil {
		return err
	}
	if err := r.detachAndDrain(); err != nil {
		r.log().WithError(err).Warn("Reading the rest of the " + r.attachment.ringsText() + " failed")
	}
	r.reportReplaced(stale) // in the place of what is missing
	r.mu.Lock()
	defer r.mu.Unlock()
	old, next := r.opened, r.next
	r.next = nil
	if r.rings == nil { // unmapped in the meantime, as next is
		old = next
	} else {
		r.useLocked(next, next.All())
	}
	if err := old.Close(); err != nil {
		r.log().WithError(err).Warn("Closing the " + r.attachment.ringsText() + " failed")
	}
	if r.stopped.Err() != nil {
		r.wakeLocked() // who stopped the reader has woken up the old ones
	}
	return nil
}

// openNext opens the rings that take the place of those that are read.
func (r *reader) openNext() error {
	r.agent.Lock()
	defer r.agent.Unlock()
	if err := r.stopped.Err(); err != nil {
		return err
	}
	next, _, err := r.attachment.openLocked(r.agent.demand.wantedLocked())
	if err != nil {
		return err
	}
	r.agent.updateAttachedLocked()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = next
	return nil
}
