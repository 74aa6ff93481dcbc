// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/internal/guest"
)

// Consumers and listeners are guests: one that panics is removed, one that holds everybody up
// is named. Nobody else pays for it.

// guestKind is what a guest is subscribed as.
type guestKind string

const (
	kindConsumer guestKind = "consumer"
	kindListener guestKind = "listener"
)

// callTimes measures how long the callbacks of a guest take, a batch at a time.
type callTimes struct {
	begun atomic.Int64  // when the batch that the guest is in began, in nanoseconds of counters.now; 0 if it is in none
	busy  atomic.Int64  // nanoseconds in the batches before
	calls atomic.Uint64 // in these

	// Used by who looks at guests, under Agent.Mutex.
	seen     time.Duration // what busyUntil returned
	seenBusy time.Duration
	perEvent time.Duration // when it was called last
	calledAt uint64        // calls then
}

func (t *callTimes) begin(now time.Duration) { t.begun.Store(int64(now)) }

func (t *callTimes) end(now time.Duration, calls int) {
	t.busy.Store(t.busy.Load() + int64(now) - t.begun.Load())
	t.calls.Store(t.calls.Load() + uint64(calls))
	t.begun.Store(0)
}

// runningFor is how long the guest has been in the batch that it is in.
func (t *callTimes) runningFor(now time.Duration) time.Duration {
	if begun := t.begun.Load(); begun > 0 {
		return max(0, now-time.Duration(begun))
	}
	return 0
}

// busyUntil is how long the guest was busy in all batches, the one that it is in included.
func (t *callTimes) busyUntil(now time.Duration) time.Duration {
	return t.runningFor(now) + time.Duration(t.busy.Load())
}

// perEventLocked is how long the guest takes for an event. The caller holds Agent.Mutex.
func (t *callTimes) perEventLocked() time.Duration {
	if t.calledAt > 0 {
		return t.perEvent
	}
	if calls := t.calls.Load(); calls > 0 {
		return time.Duration(t.busy.Load()) / time.Duration(calls)
	}
	return 0
}

// callLocked has each guest take a batch, unless there is nothing for it. One that panics
// is removed. The caller holds the dispatch lock. now is the time, as is what it returns.
//
// Each guest takes the whole batch before the next one does, so that what it costs to watch over it
// is paid for each batch and not for each event.
func callLocked[S comparable](a *Agent, s *subscribers[S], now time.Duration, b *batch, take func(*subscription[S])) time.Duration {
	if missing := s.missing.Load(); missing != nil {
		for _, r := range *missing {
			_, events := b.wanted(r.wants)
			r.missed.Add(events)
		}
	}
	for sub := range s.subscriptions {
		calls, events := b.of(sub.class)
		if calls == 0 {
			continue
		}
		sub.times.begin(now)
		before := sub.delivered
		err := takeGuarded(sub, take)
		now = a.counters.now()
		sub.times.end(now, calls)
		if err != nil {
			removeGuest(a, s, sub, sub.delivered, events-(sub.delivered-before), err)
		}
	}
	return now
}

// takeGuarded returns the error for a panic in take.
func takeGuarded[S comparable](sub *subscription[S], take func(*subscription[S])) (err error) {
	defer func() { err = guest.Recovered(recover()) }()
	take(sub)
	return nil
}
