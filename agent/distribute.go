// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/cilium/monitor/api/payload"
)

// release releases the dispatch lock, or passes it to a goroutine that dispatches the entries
// that were left in the meantime.
func (a *Agent) release() {
	if pending := a.dispatch.release(); pending != nil {
		go func() { // the lock is its owner, see dispatchLock.waitIdle
			for pending != nil {
				a.deliverPendingLocked(pending)
				pending = a.dispatch.release()
			}
		}()
	}
}

// deliverPendingLocked delivers entries that were left with the dispatch lock, which the caller holds.
func (a *Agent) deliverPendingLocked(pending []entry) {
	for _, e := range pending {
		switch e := e.(type) {
		case userEvent:
			a.deliverUserEventLocked(&e)
		case barrier:
			a.publishLocked()
			e()
		}
	}
	if len(pending) > 0 {
		a.publishLocked()
		a.scheduleFlush()
	}
}

// deliverUserEventLocked hands an event of SendEvent to all subscribers, but does not publish it. The
// caller holds the dispatch lock.
func (a *Agent) deliverUserEventLocked(ev *userEvent) {
	a.counters.sent(ev)
	for c := range a.consumers.subscriptions {
		c.subscriber.NotifyAgentEvent(ev.typ, ev.event)
		c.delivered++
	}
	if ev.data == nil {
		return
	}
	pl := payload.Payload{Data: *ev.data, Type: payload.EventSample}
	pl.Data = a.events.Append(&pl)
	putBuffer(ev.data)
	a.enqueueLocked(pl)
}

// deliverRecordsLocked hands records of a source, which are in the log but not committed yet, to
// all subscribers. The caller holds the dispatch lock.
func (a *Agent) deliverRecordsLocked(records []payload.Payload) {
	if a.consumers.len() > 0 {
		a.events.Retain()
		for i := range records {
			a.notifyLocked(&records[i])
		}
	}
	if a.listeners.len() > 0 {
		for _, pl := range records {
			a.enqueueLocked(pl)
		}
	}
	a.publishLocked()
}

// publishLocked gives what was delivered to clients and streams, and its numbers to Stats. The caller
// holds the dispatch lock.
func (a *Agent) publishLocked() {
	a.events.Commit()
	a.consumers.publishLocked()
	a.listeners.publishLocked()
	for s := range a.streams.all {
		s.wake()
	}
}

// flush writes what is new in the log to all clients, as far as their sockets take it. It
// returns how many it wrote to.
func (a *Agent) flush() (written int) {
	for s := range a.servers.all {
		written += s.flush()
	}
	return written
}

// scheduleFlush has the servers' goroutines call flush.
func (a *Agent) scheduleFlush() {
	for s := range a.servers.all {
		s.scheduleFlush()
	}
}

// notifyLocked hands a record of a source to the consumers. The caller holds the dispatch lock.
func (a *Agent) notifyLocked(pl *payload.Payload) {
	for c := range a.consumers.subscriptions {
		if pl.Type == payload.RecordLost {
			c.subscriber.NotifyPerfEventLost(pl.Lost, pl.CPU)
			c.delivered += pl.Lost
		} else {
			c.subscriber.NotifyPerfEvent(pl.Data, pl.CPU)
			c.delivered++
		}
	}
}

// enqueueLocked hands a payload, whose Data is in the log, to the listeners. The caller holds the
// dispatch lock.
func (a *Agent) enqueueLocked(pl payload.Payload) {
	if a.listeners.len() == 0 {
		return
	}
	a.events.Retain()
	shared := new(payload.Payload)
	*shared = pl
	for l := range a.listeners.subscriptions {
		l.subscriber.Enqueue(shared)
		l.delivered += max(1, pl.Lost)
	}
}
