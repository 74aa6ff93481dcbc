// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// MinHistoryBytes is the least that a history of [WithHistory] takes.
const MinHistoryBytes = 256 << 10

// WithHistory has the agent keep the last events that wants says, for subscribers that come later: as
// many as there is room for in so many bytes of memory, at least [MinHistoryBytes]; 0 and less are no
// history, which is the default. The agent is a subscriber then, so the datapath is read from
// when it is attached. The history ends with the process.
func WithHistory(wants interest.Interest, bytes int) Option {
	return func(a *Agent) {
		a.history = nil
		if bytes > 0 {
			a.history = newHistory(wants, max(bytes, MinHistoryBytes))
		}
	}
}

// history is an event log of its own, so that events which are rare are not dropped for those that are
// frequent.
type history struct {
	wants interest.Interest
	bytes int
	class int // of demand

	log  *eventlog.Log    // appended to by who holds the dispatch lock
	idle *eventlog.Cursor // has the log keep what it has
}

// smallestEvent is about what the smallest event takes in an event log.
const smallestEvent = 64

func newHistory(wants interest.Interest, bytes int) *history {
	h := &history{wants: wants.Normal(), bytes: bytes, log: eventlog.New(bytes/smallestEvent, bytes)}
	h.idle = h.log.NewCursor(everything, nil)
	return h
}

// enter has the events that the history wants put into it.
func (a *Agent) enterHistory() {
	if a.history == nil {
		return
	}
	a.Lock()
	defer a.Unlock()
	class, err := a.demand.enterLocked(a.history.wants)
	if err != nil { // it is the first
		a.log.WithError(err).Error("Keeping a history failed")
		a.history = nil
		return
	}
	a.history.class = class
}

// keepLocked puts a payload, which was just appended to the event log, into the history if one of the classes is the history's. It has
// the same time in both. The caller holds the dispatch lock.
func (a *Agent) keepLocked(pl *payload.Payload, classes eventlog.Classes) {
	if h := a.history; h != nil && classes.Has(h.class) {
		h.log.SetTimeOf(a.events)
		h.log.Append(pl)
	}
}

// stampLocked has what is put into the event log from now on have the time that it is. The caller holds the dispatch lock.
func (a *Agent) stampLocked() { a.events.SetTime(time.Now().UnixNano()) }

// commitLocked gives what was put into the history to its readers. The caller holds the dispatch lock.
func (h *history) commitLocked() {
	if h != nil {
		h.log.Commit()
	}
}

// begin is where in the history a subscriber begins. The zero begin is its end.
type begin struct {
	last  int       // events
	since time.Time // of the oldest event; zero for none
	until int64     // events later than this time do not count for last; 0 for none
}

func (b begin) atEnd() bool { return b.last <= 0 && b.since.IsZero() }

// HistoryStats tells what the history has.
type HistoryStats struct {
	// Wants is what it keeps, for people; empty if that is everything.
	Wants string `json:"wants,omitempty"`

	// Bytes is the number of bytes that it may take, Memory what it takes.
	Bytes  int `json:"bytes"`
	Memory int `json:"memory"`

	// Payloads is the number of events and reports of losses that it has, Oldest the time of the
	// first one; zero if there is none.
	Payloads int       `json:"payloads"`
	Oldest   time.Time `json:"oldest,omitzero"`
}

// stats returns nil if there is no history.
func (h *history) stats() *HistoryStats {
	if h == nil {
		return nil
	}
	stats := &HistoryStats{Bytes: h.bytes, Memory: h.log.Memory()}
	if !h.wants.Everything() {
		stats.Wants = h.wants.String()
	}
	var oldest int64
	if stats.Payloads, oldest = h.log.Kept(); stats.Payloads > 0 {
		stats.Oldest = time.Unix(0, oldest)
	}
	return stats
}
