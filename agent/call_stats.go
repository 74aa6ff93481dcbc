// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
)

// CallStats tells how a consumer or listener fares. It is called for each event, and nobody gets
// the next events before it returns.
type CallStats struct {
	SubscriberStats

	// Calls is the number of its callbacks, Busy the time that they took, and PerEvent the time
	// that one took of late.
	Calls    uint64        `json:"calls"`
	Busy     time.Duration `json:"busyNanoseconds"`
	PerEvent time.Duration `json:"perEventNanoseconds"`

	// Running is how long it has been with the events that it is at, up to 256; 0 if it is at none.
	Running time.Duration `json:"runningNanoseconds"`

	// Queue is that of a [consumer.Queued], nil for others.
	Queue *consumer.QueueStats `json:"queue,omitempty"`
}

// CallTotals sums up consumers or listeners of one name, since one of that name has been there all
// the time.
type CallTotals struct {
	Kind    string        `json:"kind"` // consumer or listener
	Name    string        `json:"name"`
	Calls   uint64        `json:"calls"`
	Busy    time.Duration `json:"busyNanoseconds"`
	Running time.Duration `json:"runningNanoseconds"` // the longest of those that are there

	// Queue sums up the queues of a [consumer.Queued], nil for others.
	Queue *consumer.QueueStats `json:"queue,omitempty"`
}

// RemovedStats tells of a consumer or listener that is removed, since it panicked or its Close does
// not return. It is forgotten when it is registered again, when whoever registered it removes it,
// and after 32 others.
type RemovedStats struct {
	Kind    string    `json:"kind"` // consumer or listener
	Name    string    `json:"name"`
	Removed time.Time `json:"removed"`
	Reason  string    `json:"reason"`

	// Of the events that came while anybody was subscribed, Delivered were delivered to it and Missed
	// were not: those that it was to get with the one at which it panicked, and all that came since
	// then. A listener that somebody else removed misses nothing.
	Delivered uint64 `json:"delivered"`
	Missed    uint64 `json:"missed"`
}

// RemovedTotals counts guests that something was wrong with, and the events that they missed.
type RemovedTotals struct {
	Guests uint64 `json:"guests"`
	Missed uint64 `json:"missed"`
}

// guestName is what totals are by.
type guestName struct {
	kind guestKind
	name string
}

// fillInGuestsLocked sets what is known of consumers and listeners. The caller holds a.Mutex.
func (a *Agent) fillInGuestsLocked(stats *Stats) {
	now := a.counters.now()
	totals := make(map[guestName]CallTotals)
	for name, t := range a.closedGuests {
		if t.Queue != nil {
			queue := *t.Queue
			t.Queue = &queue
		}
		totals[name] = t
	}
	stats.Consumers = callStatsLocked(a, &a.consumers, "", now, totals)
	stats.Listeners = callStatsLocked(a, &a.listeners, listener.Version1_2, now, totals)
	stats.CallTotals = []CallTotals{}
	for _, t := range totals {
		stats.CallTotals = append(stats.CallTotals, t)
	}
	slices.SortFunc(stats.CallTotals, func(x, y CallTotals) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Name, y.Name))
	})
	stats.Removed = []RemovedStats{}
	stats.RemovedConsumers, stats.RemovedListeners = a.removedConsumers, a.removedListeners
	for _, r := range a.removed {
		row := RemovedStats{
			Kind: string(r.kind), Name: r.name, Removed: r.at, Reason: r.err.Error(),
			Delivered: r.delivered, Missed: r.missed.Load(),
		}
		stats.Removed = append(stats.Removed, row)
		if r.kind == kindConsumer {
			stats.RemovedConsumers.Missed += row.Missed
		} else {
			stats.RemovedListeners.Missed += row.Missed
		}
	}
}

// callStatsLocked returns the statistics of guests of a kind, and adds them to totals. The caller
// holds Agent.Mutex.
func callStatsLocked[S comparable](a *Agent, s *subscribers[S], version listener.Version, now time.Duration, totals map[guestName]CallTotals) []CallStats {
	all := []CallStats{}
	for sub := range s.subscriptions {
		stats := sub.callStatsLocked(version, now)
		stats.Wants = textOf(a.demand.interestLocked(sub.class))
		all = append(all, stats)
		key := guestName{s.kind, sub.name}
		totals[key] = totals[key].add(key, &stats)
	}
	return all
}

// callStatsLocked returns the statistics of a guest. The caller holds Agent.Mutex.
func (sub *subscription[S]) callStatsLocked(version listener.Version, now time.Duration) CallStats {
	stats := CallStats{
		SubscriberStats: SubscriberStats{Name: sub.name, Version: version, Since: sub.since, Delivered: sub.published.Load()},
		Calls:           sub.times.calls.Load(),
		Busy:            sub.times.busyUntil(now),
		PerEvent:        sub.times.perEventLocked(),
		Running:         sub.times.runningFor(now),
	}
	if queued, ok := any(sub.subscriber).(*consumer.Queued); ok {
		queue := queued.Stats()
		stats.Queue = &queue
	}
	return stats
}

// add adds a guest of that name.
func (t CallTotals) add(key guestName, s *CallStats) CallTotals {
	t.Kind, t.Name = string(key.kind), key.name
	t.Calls += s.Calls
	t.Busy += s.Busy
	t.Running = max(t.Running, s.Running)
	if s.Queue != nil {
		if t.Queue == nil {
			t.Queue = &consumer.QueueStats{}
		}
		t.Queue.Size += s.Queue.Size
		t.Queue.Accepted += s.Queue.Accepted
		t.Queue.Delivered += s.Queue.Delivered
		t.Queue.Lost += s.Queue.Lost
		t.Queue.Lag += s.Queue.Lag
	}
	return t
}

// removeGuestLocked removes a guest from its list, and returns its place, nil if it was not there. Totals
// keep what it had while there are others of its name. The caller holds a.Mutex.
func removeGuestLocked[S comparable](a *Agent, s *subscribers[S], subscriber S) *subscription[S] {
	i := s.index(subscriber)
	if i < 0 {
		return nil
	}
	sub := (*s.list.Load())[i]
	s.removeLocked(subscriber)
	a.demand.leaveLocked(sub.class, a.demand.interestLocked(sub.class))
	key := guestName{s.kind, sub.name}
	for other := range s.subscriptions {
		if other.name == sub.name {
			stats := sub.callStatsLocked("", a.counters.now())
			stats.Running = 0
			if stats.Queue != nil {
				stats.Queue.Size, stats.Queue.Lag = 0, 0
			}
			a.closedGuests[key] = a.closedGuests[key].add(key, &stats)
			return sub
		}
	}
	delete(a.closedGuests, key)
	return sub
}
