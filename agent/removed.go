// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/consumer"
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

	// Events that it missed: those of its last batch, and those that kind's counter has since. The
	// counter is nil if somebody else removed it, so that it was to get nothing more.
	missedAtOnce uint64
	missed       *atomic.Uint64
	missedBefore uint64 // of the counter
}

func (r *removedGuest) missedSince() uint64 {
	if r.missed == nil {
		return r.missedAtOnce
	}
	return r.missedAtOnce + r.missed.Load() - r.missedBefore
}

// removeGuest removes a guest that got so many events, and missed some at once, for what is wrong
// with it. The caller does not hold a.Mutex.
func removeGuest[S comparable](a *Agent, s *subscribers[S], sub *subscription[S], delivered, missedAtOnce uint64, err error) {
	a.Lock()
	defer a.Unlock()
	there := removeGuestLocked(a, s, sub.subscriber) != nil // unless it has removed itself
	r := &removedGuest{
		kind: s.kind, name: sub.name, guest: sub.subscriber, err: err,
		delivered: delivered, missedAtOnce: missedAtOnce,
	}
	if there {
		r.missed, r.missedBefore = &s.missed, s.missed.Load()
		s.removed.Add(1)
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
	a.totalRemovedLocked(r.kind).Missed += r.missedSince()
	switch {
	case r.missed == nil:
	case r.kind == kindConsumer:
		a.consumers.removed.Add(-1)
	default:
		a.listeners.removed.Add(-1)
	}
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
