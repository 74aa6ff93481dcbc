// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/listener"
)

// Stats tells what the agent reads, who listens, and who is losing events. Numbers of
// events and errors count from when the agent was made and never decrease.
type Stats struct {
	// EventsMap is the path of the events map, and Attached whether the agent is
	// attached to it.
	EventsMap string `json:"eventsMap"`
	Attached  bool   `json:"attached"`

	// Reader is what State returns: nil while no reader runs.
	Reader *models.MonitorStatus `json:"reader,omitempty"`

	// ReaderFailures is how often opening or reading the rings failed.
	ReaderFailures uint64 `json:"readerFailures"`

	// Datapath and User are the events of the datapath and of SendEvent that were
	// distributed.
	Datapath Traffic `json:"datapath"`
	User     Traffic `json:"user"`

	// Visits are those of the reader to the rings.
	Visits Visits `json:"visits"`

	// Lost are the events that did not reach everybody who was subscribed.
	Lost Losses `json:"lost"`

	// QueueSize is the number of events that are kept for clients that fall
	// behind.
	QueueSize int `json:"queueSize"`

	// Accepted is the number of events that were encoded for clients. A loss that the
	// datapath reported counts as the events that it lost.
	Accepted uint64 `json:"accepted"`

	// Ever are the numbers of subscribers that there ever were, those that are left
	// included.
	Ever SubscriberCounts `json:"ever"`

	// Consumers, Listeners and Clients are those subscribed now, oldest first. Clients
	// are the connections to the monitor API.
	Consumers []SubscriberStats `json:"consumers"`
	Listeners []SubscriberStats `json:"listeners"`
	Clients   []ClientStats     `json:"clients"`

	// ClientTotals sums up all clients that there ever were.
	ClientTotals ClientTotals `json:"clientTotals"`

	// AcceptErrors is how often a connection could not be accepted, WriteErrors how
	// often one ended because it could not be written to.
	AcceptErrors uint64 `json:"acceptErrors"`
	WriteErrors  uint64 `json:"writeErrors"`
}

// Traffic is the events of one source.
type Traffic struct {
	// Types are the message types that came so far, in the order of their numbers.
	Types []TypeTraffic `json:"types"`

	// Last is when the last event came, zero if none did.
	Last time.Time `json:"last,omitzero"`
}

// TypeTraffic is the events of a message type. Bytes are those of their samples as clients
// get them: of the datapath's with up to 7 bytes of padding each, and 0 for events of
// user space that came while there was neither client nor listener.
type TypeTraffic struct {
	Type   uint8  `json:"type"`
	Name   string `json:"name"` // api.MessageTypeName
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
}

// Events and Bytes are the sums over all types.
func (t Traffic) Events() (sum uint64) {
	for _, typ := range t.Types {
		sum += typ.Events
	}
	return sum
}

// Bytes is described at Events.
func (t Traffic) Bytes() (sum uint64) {
	for _, typ := range t.Types {
		sum += typ.Bytes
	}
	return sum
}

// Visits counts the visits of the reader to the rings: ByKernel those that the kernel woke
// it up for, which costs the datapath most, ByTimer those that it made by itself.
type Visits struct {
	ByKernel uint64 `json:"byKernel"`
	ByTimer  uint64 `json:"byTimer"`

	// Found is the number of records, events and losses, found in all of them.
	Found uint64 `json:"found"`

	// Sizes is how many visits found how many records, all sizes in ascending order.
	Sizes []VisitSize `json:"sizes"`
}

// VisitSize counts the visits that found at most so many records, and more than the size
// before. Most is -1 for the last one, which has no limit.
type VisitSize struct {
	Most   int    `json:"most"`
	Visits uint64 `json:"visits"`
}

// Losses counts events that were lost, by the reason.
type Losses struct {
	// RingFull is by CPU, as far as rings were read: the datapath found that CPU's ring
	// full. Nobody got these events; all who were subscribed were told.
	RingFull []uint64 `json:"ringFull"`

	// Behind is the sum over all clients of what they were told they lost since they
	// fell behind the queue.
	Behind uint64 `json:"behind"`

	// QueueFull is the number of times that SendEvent returned ErrQueueFull.
	QueueFull uint64 `json:"queueFull"`

	// NotEncoded counts the events that SendEvent could not encode: clients and
	// listeners did not get them, its caller was told.
	NotEncoded uint64 `json:"notEncoded"`

	// CorruptRings is how often a ring held what can't be records and was emptied. The
	// number of events in it is unknown.
	CorruptRings uint64 `json:"corruptRings"`
}

// Ring is the sum of RingFull over all CPUs.
func (l Losses) Ring() (sum uint64) {
	for _, n := range l.RingFull {
		sum += n
	}
	return sum
}

// SubscriberCounts are numbers of subscribers.
type SubscriberCounts struct {
	Consumers uint64 `json:"consumers"`
	Listeners uint64 `json:"listeners"`
	Clients   uint64 `json:"clients"`
}

// SubscriberStats tells how a subscriber fares.
type SubscriberStats struct {
	// Name is what a consumer's or listener's String method returns, else its type;
	// for a client the name of its process.
	Name    string           `json:"name"`
	Version listener.Version `json:"version,omitempty"` // of the API; a consumer has none
	Since   time.Time        `json:"since"`

	// Delivered is the number of events that it got. A loss that the datapath reported
	// counts as the events that it lost.
	Delivered uint64 `json:"delivered"`
}

// ClientStats tells how a client fares. Of the events accepted since it connected,
// Delivered were written to its socket, Lost were reported to it as lost since it fell
// behind, and Lag are waiting for it to read.
type ClientStats struct {
	SubscriberStats
	PID  int    `json:"pid"` // of the process that connected
	UID  int    `json:"uid"`
	Lost uint64 `json:"lost"`
	Lag  uint64 `json:"lag"`
}

// ClientTotals sums up clients, those that are gone and those that are there, each with
// the events accepted while it was connected:
//
//	Accepted = Delivered + Lost + Abandoned + the Lag of those that are there
//
// Abandoned are events that a client had not read when its connection ended.
type ClientTotals struct {
	Accepted  uint64 `json:"accepted"`
	Delivered uint64 `json:"delivered"`
	Lost      uint64 `json:"lost"`
	Abandoned uint64 `json:"abandoned"`
}

// add adds a client that is there or one that is gone.
func (t *ClientTotals) add(c ClientStats, gone bool) {
	t.Accepted += c.Delivered + c.Lost + c.Lag
	t.Delivered += c.Delivered
	t.Lost += c.Lost
	if gone {
		t.Abandoned += c.Lag
	}
}

// Stats returns the current statistics. It costs those who handle events nothing but a
// moment's lock.
func (a *Agent) Stats() Stats {
	if a == nil {
		return Stats{}
	}
	var stats Stats
	a.counters.fill(&stats)
	a.Lock()
	defer a.Unlock()
	stats.EventsMap = a.eventsMapPath
	stats.Attached = a.eventsMap != nil
	stats.Reader = a.state()
	stats.QueueSize = a.queueSize
	stats.Ever = a.ever
	stats.Consumers = subscriberStats(&a.consumers, "")
	stats.Listeners = subscriberStats(&a.listeners, listener.Version1_2)
	// No connection ends in the meantime, which would be counted twice or not at all.
	stats.ClientTotals = a.past
	stats.Clients = []ClientStats{}
	for s := range a.servers.all {
		for c := range s.conns.all {
			client := c.stats()
			stats.Clients = append(stats.Clients, client)
			stats.ClientTotals.add(client, false)
		}
	}
	slices.SortStableFunc(stats.Clients, func(x, y ClientStats) int { return x.Since.Compare(y.Since) })
	stats.Lost.Behind = stats.ClientTotals.Lost
	stats.Accepted = a.events.Accepted()
	return stats
}

func subscriberStats[S comparable](all *subscribers[S], version listener.Version) []SubscriberStats {
	stats := []SubscriberStats{}
	for sub := range all.subscriptions {
		stats = append(stats, SubscriberStats{
			Name:      sub.name,
			Version:   version,
			Since:     sub.since,
			Delivered: sub.published.Load(),
		})
	}
	return stats
}

// fill sets what is counted.
func (c *counters) fill(stats *Stats) {
	stats.ReaderFailures = c.readerFailures.Load()
	stats.AcceptErrors = c.acceptErrors.Load()
	stats.WriteErrors = c.writeErrors.Load()
	stats.Lost.QueueFull = c.queueFull.Load()
	stats.Lost.NotEncoded = c.notEncoded.Load()
	stats.Lost.CorruptRings = c.corruptRings.Load()

	c.mu.Lock()
	defer c.mu.Unlock()
	// The time of day now, so that a clock that was set in the meantime does not matter.
	now := time.Now()
	start := now.Add(-now.Sub(c.start)).Round(0)
	stats.Datapath = c.datapath.stats(start)
	stats.User = c.user.stats(start)
	stats.Lost.RingFull = append([]uint64{}, c.ringLost...)
	v := &c.visits
	stats.Visits = Visits{ByKernel: v.byKernel, ByTimer: v.byTimer, Found: v.found}
	for i, visits := range v.buckets {
		stats.Visits.Sizes = append(stats.Visits.Sizes, VisitSize{Most: mostIn(i), Visits: visits})
	}
}

func (t *traffic) stats(start time.Time) Traffic {
	stats := Traffic{Types: []TypeTraffic{}}
	for typ, n := range t.byType {
		if n.events > 0 {
			stats.Types = append(stats.Types, TypeTraffic{
				Type:   uint8(typ),
				Name:   api.MessageTypeName(typ),
				Events: n.events,
				Bytes:  n.bytes,
			})
		}
	}
	if t.last > 0 {
		stats.Last = start.Add(t.last)
	}
	return stats
}
