// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// suppressedInterval is how often a reader asks for what was suppressed, while it visits its rings.
const suppressedInterval = 100 * time.Millisecond

// SuppressedStats counts the events of a message type that the datapath did not make although they were wanted.
type SuppressedStats struct {
	Type uint8  `json:"type"`
	Name string `json:"name"` // api.MessageTypeName

	// RateLimited are those of which there were more than the datapath's rate limit allows. Subscribers that want the
	// type were told that they are lost, in their place; see [payload.Payload.RateLimited].
	RateLimited uint64 `json:"rateLimited"`

	// Aggregated are those that had nothing new to tell of their flow: nothing is lost.
	Aggregated uint64 `json:"aggregated"`
}

// suppressedInTurn returns what was suppressed since it was asked for last, if it is time to ask.
func (r *reader) suppressedInTurn() []source.Suppressed {
	if r.suppressor == nil || r.now.Sub(r.asked) < suppressedInterval {
		return nil
	}
	r.asked = r.now
	return r.takeSuppressed()
}

// takeSuppressed returns what was suppressed since it was asked for last. What is in the rings by then is to be delivered
// before that. That it is unknown is reported with the next check.
func (r *reader) takeSuppressed() []source.Suppressed {
	a, at := r.agent, r.attachment
	a.Lock()
	defer a.Unlock()
	if r.suppressor == nil || at.reader != r { // or it is another reader's
		return nil
	}
	all, err := r.suppressor.TakeSuppressed()
	if at.setUncertainLocked(err); err != nil {
		return nil
	}
	for _, s := range all {
		at.limited += s.RateLimited
	}
	a.counters.addSuppressed(all)
	return all
}

// passOverSuppressedLocked has a source that was just opened not tell of what was suppressed before that. The caller
// holds Agent.Mutex.
func (r *reader) passOverSuppressedLocked() {
	if r.suppressor != nil {
		_, err := r.suppressor.TakeSuppressed()
		r.attachment.setUncertainLocked(err)
	}
}

// setUncertainLocked notes whether it is known how much was suppressed. The caller holds Agent.Mutex.
func (at *attachment) setUncertainLocked(err error) {
	if err != nil {
		err = fmt.Errorf("read the number of suppressed events: %w", err)
	}
	at.uncertain = err
}

// deliverSuppressed tells those who want a message type what was suppressed of it. The caller calls flush.
func (r *reader) deliverSuppressed(all []source.Suppressed) {
	if len(all) == 0 {
		return
	}
	a := r.agent
	pending := a.dispatch.acquire()
	defer a.release() // also if a consumer ends the goroutine, as FailNow does in a test
	a.deliverPendingLocked(pending)
	r.batch.reset()
	a.stampLocked()
	for _, s := range all {
		if classes := a.demand.classesOfType(s.Type); s.RateLimited > 0 && classes != 0 {
			r.appendRateLimitedLocked(payload.NewRateLimited(s.RateLimited, s.Type), classes)
		}
	}
	a.deliverRecordsLocked(&r.batch)
	r.unflushed.events += len(r.batch.records)
}

// appendRateLimitedLocked appends a loss to the log and to r.batch. The caller holds the dispatch lock.
func (r *reader) appendRateLimitedLocked(pl payload.Payload, classes eventlog.Classes) {
	a := r.agent
	a.events.Append(&pl)
	a.events.Narrow(classes)
	a.keepLocked(&pl, classes)
	r.batch.add(pl, classes)
}

// drainAndDeliverSuppressed delivers what is in all rings, and then what was suppressed until it was taken.
func (r *reader) drainAndDeliverSuppressed(all []source.Suppressed) {
	if len(all) == 0 {
		return
	}
	for i := range r.policy.Rings() {
		r.drainRing(i)
	}
	r.deliverSuppressed(all)
}

// wantsPayload tells whether a payload of a source is for somebody with an interest.
func wantsPayload(i interest.Interest, pl *payload.Payload) bool {
	if typ, ok := pl.RateLimited(); ok {
		return i.WantsType(typ)
	}
	return pl.Type == payload.RecordLost || i.Wants(pl.Data)
}

// addSuppressed counts what was suppressed.
func (c *counters) addSuppressed(all []source.Suppressed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range all {
		sum := &c.suppressed[s.Type]
		sum.RateLimited += s.RateLimited
		sum.Aggregated += s.Aggregated
	}
}

// suppressedLocked returns what was suppressed so far, in the order of the message types. The caller holds c.mu.
func (c *counters) suppressedLocked() []SuppressedStats {
	all := []SuppressedStats{}
	for typ, sum := range c.suppressed {
		if sum.RateLimited > 0 || sum.Aggregated > 0 {
			sum.Type, sum.Name = uint8(typ), api.MessageTypeName(typ)
			all = append(all, sum)
		}
	}
	return all
}
