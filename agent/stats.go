// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"maps"
	"slices"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/models"
	"github.com/cilium/monitor/listener"
)

// Stats tells what the agent reads, who listens, and who is losing events. Numbers of
// events and errors count from when the agent was made and never decrease.
type Stats struct {
	// EventsMap is the path of the events map, and Attached whether any source is
	// attached.
	EventsMap string `json:"eventsMap"`
	Attached  bool   `json:"attached"`

	// Sources are those attached now, in the order of their attachment.
	Sources []SourceStats `json:"sources"`

	// Reader is what State returns: nil while no reader runs.
	Reader *models.MonitorStatus `json:"reader,omitempty"`

	// ReaderFailures is how often opening or reading a source failed.
	ReaderFailures uint64 `json:"readerFailures"`

	// Datapath and User are the events of all sources and of SendEvent that were
	// delivered.
	Datapath Traffic `json:"datapath"`
	User     Traffic `json:"user"`

	// Polls are those of all readers.
	Polls Polls `json:"polls"`

	// Lost are the events that did not reach everybody who was subscribed.
	Lost Losses `json:"lost"`

	// Suppressed are the events that the datapath did not make although they were wanted, by message type, as far as it
	// tells: see bpf/suppressed.h. They are not in Lost.
	Suppressed []SuppressedStats `json:"suppressed"`

	// QueueSize is the number of events that are kept for clients that fall
	// behind.
	QueueSize int `json:"queueSize"`

	// QueueBytes is the number of bytes that these may take, QueueMemory what they take.
	QueueBytes  int `json:"queueBytes"`
	QueueMemory int `json:"queueMemory"`

	// Wanted are the message types that anybody asks for, for people: empty if nobody does.
	Wanted string `json:"wanted"`

	// Accepted is the number of events that came to the event log, where clients and streams
	// get them from. A loss that the datapath reported counts as the events that it lost. Unwanted
	// are those that were read, and that no subscriber asked for.
	Accepted uint64 `json:"accepted"`
	Unwanted uint64 `json:"unwanted"`

	// History is what the agent keeps for subscribers that come later, nil if that is nothing.
	History *HistoryStats `json:"history,omitempty"`

	// TotalSubscribers are the numbers of subscribers that there ever were, those that are
	// gone included.
	TotalSubscribers SubscriberCounts `json:"totalSubscribers"`

	// Consumers, Listeners, Streams and Clients are those subscribed now, oldest first.
	// Streams are those of Subscribe, clients the connections to the monitor API.
	Consumers []CallStats   `json:"consumers"`
	Listeners []CallStats   `json:"listeners"`
	Streams   []StreamStats `json:"streams"`
	Clients   []ClientStats `json:"clients"`

	// CallTotals sums up consumers and listeners by kind and name.
	CallTotals []CallTotals `json:"callTotals"`

	// Removed are consumers and listeners that something is wrong with, RemovedConsumers and
	// RemovedListeners the totals of all there ever were.
	Removed          []RemovedStats `json:"removed"`
	RemovedConsumers RemovedTotals  `json:"removedConsumers"`
	RemovedListeners RemovedTotals  `json:"removedListeners"`

	// ClientTotals sums up all clients that there ever were, StreamTotals by name the streams
	// since one of that name has been there all the time.
	ClientTotals ClientTotals            `json:"clientTotals"`
	StreamTotals map[string]StreamTotals `json:"streamTotals"`

	// AcceptErrors is how often a connection could not be accepted, WriteErrors how
	// often one ended because it could not be written to, though the client had not left. Refused is how many were closed at once
	// since there were as many clients as there may be, see WithMaxClients.
	AcceptErrors uint64 `json:"acceptErrors"`
	WriteErrors  uint64 `json:"writeErrors"`
	Refused      uint64 `json:"refused"`
}

// Traffic is events of the datapath, from all sources, or of user space.
type Traffic struct {
	// Types are the message types that came so far, in the order of their numbers.
	Types []TypeTraffic `json:"types"`

	// Last is when the last event came, zero if none did.
	Last time.Time `json:"last,omitzero"`
}

// TypeTraffic is the events of a message type. Bytes are those of their samples as clients
// get them: of the datapath's with up to 7 bytes of padding each, and 0 for events of
// user space that only consumers got.
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

// Polls counts how often readers looked into rings: ByKernel when the source woke them
// up, which costs the datapath most, ByTimer when they came by themselves.
type Polls struct {
	ByKernel uint64 `json:"byKernel"`
	ByTimer  uint64 `json:"byTimer"`

	// Records is the number of records, events and losses, found in all of them.
	Records uint64 `json:"records"`

	// Buckets are a histogram of the records that a poll found, in ascending order.
	Buckets []Bucket `json:"buckets"`
}

// Bucket counts the polls that found at most UpperBound records, and more than the bucket
// before has. UpperBound is -1 for the last one, which has no limit.
type Bucket struct {
	UpperBound int    `json:"upperBound"`
	Polls      uint64 `json:"polls"`
}

// SourceStats tells how a source fares that is attached. Its numbers count from the attachment.
type SourceStats struct {
	Name string `json:"name"`

	// Kind is what is read: "perf ring buffers", "ring buffer", or "rings" of another source.
	Kind string `json:"kind"`

	// Reading is whether its rings are open. Error says why they are not while somebody is
	// subscribed, or why not all events come.
	Reading bool `json:"reading"`

	// Selective is whether whoever makes the events makes only those that are wanted: see
	// [source.Selective] and bpf/wanted.h.
	Selective bool   `json:"selective"`
	Error     string `json:"error,omitempty"`

	// Records is the number of records, events and losses, that were read. Lost are the
	// events that found a ring full, CorruptRings and Failures what Losses.CorruptRings and
	// ReaderFailures count. Reopened is how often it was read anew since it did not get all
	// events, of which an unknown number may be lost.
	//
	// LossesUnknown is whether it is a ring buffer that no counter is known for, see
	// RingBufferOptions: events that found it full are not in Lost, and nobody is told of them. It is
	// known while it is read.
	Records       uint64 `json:"records"`
	Lost          uint64 `json:"lost"`
	LossesUnknown bool   `json:"lossesUnknown"`
	CorruptRings  uint64 `json:"corruptRings"`
	Failures      uint64 `json:"failures"`
	Reopened      uint64 `json:"reopened"`
}

// Losses counts events that were lost, by the reason.
type Losses struct {
	// RingFull is by CPU, as far as rings were read, in all sources: the datapath found a ring
	// of that CPU full. Nobody got these events; all who were subscribed were told.
	RingFull []uint64 `json:"ringFull"`

	// Behind is the sum over all clients of what they were told they lost since they
	// fell behind the queue, StreamBehind the same of streams.
	Behind       uint64 `json:"behind"`
	StreamBehind uint64 `json:"streamBehind"`

	// QueueFull is the number of times that SendEvent returned ErrQueueFull, for want of events or
	// of bytes.
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
	Streams   uint64 `json:"streams"`
	Clients   uint64 `json:"clients"`
}

// of returns the number of guests of a kind.
func (c *SubscriberCounts) of(kind guestKind) *uint64 {
	if kind == kindConsumer {
		return &c.Consumers
	}
	return &c.Listeners
}

// SubscriberStats tells how a subscriber fares.
type SubscriberStats struct {
	// Name is what a consumer's or listener's String method returns, else its type; for a
	// stream what Subscribe was given; for a client the name of its process.
	Name    string           `json:"name"`
	Version listener.Version `json:"version,omitempty"` // of the API, for listeners and clients
	Since   time.Time        `json:"since"`

	// Wants is what it asked for, for people; empty if that is everything.
	Wants string `json:"wants,omitempty"`

	// Delivered is the number of events that it got. A loss that the datapath reported
	// counts as the events that it lost.
	Delivered uint64 `json:"delivered"`
}

// StreamStats tells how a stream fares. Of the events accepted since it was subscribed,
// Delivered were delivered, Lost were reported to it as lost since it fell behind, and Lag are
// waiting for it.
type StreamStats struct {
	SubscriberStats
	Lost uint64 `json:"lost"`
	Lag  uint64 `json:"lag"`
}

// StreamTotals sums up streams of one name. In Lost is also what one that ended was just about to be told.
type StreamTotals struct {
	Delivered uint64 `json:"delivered"`
	Lost      uint64 `json:"lost"`
	Lag       uint64 `json:"lag"` // of those that are there
}

// add adds a stream that is there or one that is gone.
func (t StreamTotals) add(s StreamStats, gone bool) StreamTotals {
	t.Delivered += s.Delivered
	t.Lost += s.Lost
	if !gone {
		t.Lag += s.Lag
	}
	return t
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
	a.counters.fillIn(&stats)
	a.Lock()
	defer a.Unlock()
	stats.EventsMap = a.eventsMapPath
	a.fillInSourcesLocked(&stats)
	stats.QueueSize = a.queueSize
	stats.QueueBytes = a.queueBytes
	stats.QueueMemory = a.events.Memory()
	stats.Wanted = a.demand.wantedTextLocked()
	stats.History = a.history.stats()
	stats.TotalSubscribers = a.totalSubscribers
	a.fillInGuestsLocked(&stats)
	stats.Streams = []StreamStats{}
	stats.StreamTotals = maps.Clone(a.closedStreams)
	stats.Lost.StreamBehind = a.closedStreamsLost
	for s := range a.streams.all {
		stream := s.statsLocked()
		stats.Streams = append(stats.Streams, stream)
		stats.StreamTotals[s.name] = stats.StreamTotals[s.name].add(stream, false)
		stats.Lost.StreamBehind += stream.Lost
	}
	// No connection ends in the meantime, which would be counted twice or not at all.
	stats.ClientTotals = a.closedClients
	stats.Clients = []ClientStats{}
	for s := range a.servers.all {
		for c := range s.conns.all {
			client := c.statsLocked()
			stats.Clients = append(stats.Clients, client)
			stats.ClientTotals.add(client, false)
		}
	}
	slices.SortStableFunc(stats.Clients, func(x, y ClientStats) int { return x.Since.Compare(y.Since) })
	stats.Lost.Behind = stats.ClientTotals.Lost
	stats.Accepted = a.events.Accepted()
	return stats
}

// fillInSourcesLocked tells what is attached, and whether it is read. The caller holds a.Mutex.
func (a *Agent) fillInSourcesLocked(stats *Stats) {
	stats.Sources = []SourceStats{}
	for _, at := range a.attachments {
		reading := at.readingLocked()
		if reading {
			status := a.MonitorStatus
			stats.Reader = &status
		}
		if at.detaching != nil {
			continue
		}
		s := SourceStats{
			Name:          at.name,
			Kind:          at.ringsText(),
			LossesUnknown: reading && at.uncounted,
			Reading:       reading,
			Selective:     at.selective,
			Records:       at.counts.records.Load(),
			Lost:          at.counts.lost.Load(),
			CorruptRings:  at.counts.corruptRings.Load(),
			Failures:      at.counts.failures.Load(),
			Reopened:      at.counts.reopened.Load(),
		}
		if at.err != nil {
			s.Error = at.err.Error()
		}
		stats.Sources = append(stats.Sources, s)
	}
	stats.Attached = len(stats.Sources) > 0
}

// fillIn sets what is counted.
func (c *counters) fillIn(stats *Stats) {
	stats.ReaderFailures = c.readerFailures.Load()
	stats.AcceptErrors = c.acceptErrors.Load()
	stats.WriteErrors = c.writeErrors.Load()
	stats.Refused = c.refused.Load()
	stats.Unwanted = c.unwanted.Load()
	stats.Lost.QueueFull = c.queueFull.Load()
	stats.Lost.NotEncoded = c.notEncoded.Load()
	stats.Lost.CorruptRings = c.corruptRings.Load()

	c.mu.Lock()
	defer c.mu.Unlock()
	// The time of day now, so that a clock that was set in the meantime does not matter.
	now := time.Now()
	start := now.Add(-now.Sub(c.start)).Round(0)
	stats.Suppressed = c.suppressedLocked()
	stats.Datapath = c.datapath.stats(start)
	stats.User = c.user.stats(start)
	stats.Lost.RingFull = append([]uint64{}, c.ringLost...)
	p := &c.polls
	stats.Polls = Polls{ByKernel: p.byKernel, ByTimer: p.byTimer, Records: p.records}
	for i, polls := range p.buckets {
		stats.Polls.Buckets = append(stats.Polls.Buckets, Bucket{UpperBound: upperBound(i), Polls: polls})
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
