// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/guest"
	"github.com/cilium/monitor/listener"
)

// maxRemoved is the number of guests that are remembered after something was wrong with them.
const maxRemoved = 32

// removedGuest is a guest that was removed since something was wrong with it.
type removedGuest struct {
	kind      guestKind
	name      string
	guest     any // what it is recognised by when it is registered again
	at        time.Time
	err       error
	delivered uint64

	// Events that it missed of those that it wanted: of its last batch, and since then, unless
	// somebody else removed it, so that it was to get nothing more.
	wants  interest.Interest
	missed atomic.Uint64
}

// removeGuest removes a guest that got so many events, and missed some at once, for what is wrong
// with it. The caller does not hold a.Mutex.
func removeGuest[S comparable](a *Agent, s *subscribers[S], sub *subscription[S], delivered, missedAtOnce uint64, err error) {
	a.Lock()
	defer a.Unlock()
	wants := a.demand.interestLocked(sub.class)
	there := removeGuestLocked(a, s, sub.subscriber) != nil // unless it has removed itself
	r := &removedGuest{
		kind: s.kind, name: sub.name, guest: sub.subscriber, err: err,
		delivered: delivered, wants: wants,
	}
	r.missed.Store(missedAtOnce)
	if there {
		s.addMissingLocked(r)
	}
	a.addRemovedLocked(r)
	if l, ok := any(sub.subscriber).(listener.MonitorListener); ok && there && s.kind == kindListener {
		a.beginCloseLocked(a.newClosingLocked(l, sub.name))
	}
	a.stopReadersIfUnusedLocked()
}

// addRemovedLocked logs, counts and reports a guest that was removed. The caller holds a.Mutex.
func (a *Agent) addRemovedLocked(r *removedGuest) {
	r.at = time.Now()
	log := a.log.WithField(string(r.kind), r.name).WithError(r.err)
	var panicked *guest.PanicError
	if errors.As(r.err, &panicked) {
		log = log.WithField("stack", string(panicked.Stack))
	}
	log.Errorf("A %s is removed", r.kind)
	a.totalRemovedLocked(r.kind).Guests++
	a.removed = append(a.removed, r)
	if len(a.removed) > maxRemoved {
		a.closeRemovedLocked(a.removed[0])
		a.removed = slices.Delete(a.removed, 0, 1)
	}
	a.reportGuestsLocked()
}

// forgetRemovedLocked forgets what was wrong with a guest that is registered again, or removed by
// whoever registered it. The caller holds a.Mutex.
func (a *Agent) forgetRemovedLocked(kind guestKind, g any) {
	before := len(a.removed)
	a.removed = slices.DeleteFunc(a.removed, func(r *removedGuest) bool {
		forget := r.kind == kind && r.guest == g
		if forget {
			a.closeRemovedLocked(r)
		}
		return forget
	})
	if len(a.removed) != before {
		a.reportGuestsLocked()
	}
}

// closeRemovedLocked has what a guest missed stay counted. The caller holds a.Mutex.
func (a *Agent) closeRemovedLocked(r *removedGuest) {
	a.totalRemovedLocked(r.kind).Missed += r.missed.Load()
	if r.kind == kindConsumer {
		a.consumers.removeMissingLocked(r)
	} else {
		a.listeners.removeMissingLocked(r)
	}
}

// addMissingLocked has a guest that was removed miss events from now on. The caller holds Agent.Mutex.
func (s *subscribers[S]) addMissingLocked(r *removedGuest) {
	missing := []*removedGuest{r}
	if before := s.missing.Load(); before != nil {
		missing = append(slices.Clone(*before), r)
	}
	s.missing.Store(&missing)
}

// removeMissingLocked ends what addMissingLocked began, if it did. The caller holds Agent.Mutex.
func (s *subscribers[S]) removeMissingLocked(r *removedGuest) {
	before := s.missing.Load()
	if before == nil {
		return
	}
	missing := slices.DeleteFunc(slices.Clone(*before), func(other *removedGuest) bool { return other == r })
	if len(missing) == 0 {
		s.missing.Store(nil)
		return
	}
	s.missing.Store(&missing)
}

// totalRemovedLocked returns the totals of a kind. The caller holds a.Mutex.
func (a *Agent) totalRemovedLocked(kind guestKind) *RemovedTotals {
	if kind == kindConsumer {
		return &a.removedConsumers
	}
	return &a.removedListeners
}

// removeFailedQueues removes consumers whose queue has ended, since they panicked.
func (a *Agent) removeFailedQueues() {
	for sub := range a.consumers.subscriptions {
		queued, ok := sub.subscriber.(*consumer.Queued)
		if !ok {
			continue
		}
		if err := queued.Err(); err != nil {
			stats := queued.Stats()
			removeGuest(a, &a.consumers, sub, stats.Delivered, stats.Lost, fmt.Errorf("in its queue: %w", err))
		}
	}
}
