// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
)

// release releases the dispatch lock, or passes it to a goroutine that dispatches the entries
// that were left in the meantime.
func (a *Agent) release() {
	if pending := a.dispatch.release(); pending != nil {
		go a.deliverAndRelease(pending) // the lock is its owner, see dispatchLock.waitIdle
	}
}

func (a *Agent) deliverAndRelease(pending []entry) {
	for pending != nil {
		a.deliverPendingLocked(pending)
		pending = a.dispatch.release()
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
	now := a.counters.sent(ev)
	if a.consumers.concerned() {
		now = a.deliverToConsumersLocked(now, ev.typ, ev.event)
	}
	if ev.data == nil {
		return
	}
	pl := payload.Payload{Data: *ev.data, Type: payload.EventSample}
	pl.Data = a.events.Append(&pl)
	putBuffer(ev.data)
	if a.listeners.concerned() {
		a.events.Retain()
		a.deliverToListenersLocked(now, []payload.Payload{pl})
	}
}

// deliverToConsumersLocked hands an event of user space to the consumers. The caller holds the
// dispatch lock.
func (a *Agent) deliverToConsumersLocked(now time.Duration, typ int, event any) time.Duration {
	return callLocked(a, &a.consumers, now, nil, func(c *subscription[consumer.MonitorConsumer]) {
		c.subscriber.NotifyAgentEvent(typ, event)
		c.delivered++
	})
}

// deliverRecordsLocked hands records of a source, which are in the log but not committed yet, to
// all subscribers. The caller holds the dispatch lock.
func (a *Agent) deliverRecordsLocked(records []payload.Payload) {
	if len(records) > 0 && (a.consumers.concerned() || a.listeners.concerned()) {
		a.events.Retain()
		now := callLocked(a, &a.consumers, a.counters.now(), records, func(c *subscription[consumer.MonitorConsumer]) {
			notifyLocked(c, records)
		})
		if a.listeners.concerned() {
			a.deliverToListenersLocked(now, records)
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

// flush writes what is new in the log to all clients, as far as their sockets take it.
func (a *Agent) flush() {
	for s := range a.servers.all {
		s.flush()
	}
}

// scheduleFlush has the servers' goroutines call flush.
func (a *Agent) scheduleFlush() {
	for s := range a.servers.all {
		s.scheduleFlush()
	}
}

// notifyLocked hands records of a source to a consumer. The caller holds the dispatch lock.
func notifyLocked(c *subscription[consumer.MonitorConsumer], records []payload.Payload) {
	if c.batches != nil {
		c.batches.NotifyPerfEvents(records)
		c.delivered += countEvents(records)
		return
	}
	for i := range records {
		if c.gone.Load() {
			return
		}
		if pl := &records[i]; pl.Type == payload.RecordLost {
			c.subscriber.NotifyPerfEventLost(pl.Lost, pl.CPU)
			c.delivered += pl.Lost
		} else {
			c.subscriber.NotifyPerfEvent(pl.Data, pl.CPU)
			c.delivered++
		}
	}
}

// deliverToListenersLocked hands payloads, whose Data is in the log, to the listeners, which share
// them. The caller holds the dispatch lock.
func (a *Agent) deliverToListenersLocked(now time.Duration, records []payload.Payload) {
	shared := make([]*payload.Payload, len(records))
	for i := range records {
		shared[i] = new(payload.Payload)
		*shared[i] = records[i]
	}
	callLocked(a, &a.listeners, now, records, func(l *subscription[listener.MonitorListener]) {
		for _, pl := range shared {
			if l.gone.Load() {
				return
			}
			l.subscriber.Enqueue(pl)
			l.delivered += max(1, pl.Lost)
		}
	})
}
