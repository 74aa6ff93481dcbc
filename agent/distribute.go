// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/agent/internal/eventlog"
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
	b := &a.userBatch
	b.reset()
	b.typ = uint8(ev.typ)
	b.add(payload.Payload{Type: payload.EventSample}, a.classesOfUserEvent(ev))
	if a.consumers.concerned() {
		now = a.deliverToConsumersLocked(now, b, ev)
	}
	if ev.data == nil {
		return
	}
	pl := &b.records[0]
	pl.Data = *ev.data
	a.stampLocked()
	pl.Data = a.events.Append(pl)
	a.keepLocked(pl, b.classes[0])
	if !ev.notice {
		a.events.Narrow(b.classes[0])
	}
	putBuffer(ev.data)
	if a.listeners.concerned() {
		a.events.Retain()
		a.deliverToListenersLocked(now, b)
	}
	pl.Data = nil // the log may go on without it
}

// classesOfUserEvent returns the classes that want an event of user space.
func (a *Agent) classesOfUserEvent(ev *userEvent) eventlog.Classes {
	if ev.data == nil {
		return a.demand.classesOfType(uint8(ev.typ))
	}
	return a.demand.classesOf(*ev.data)
}

// deliverToConsumersLocked hands an event of user space to the consumers. The caller holds the
// dispatch lock.
func (a *Agent) deliverToConsumersLocked(now time.Duration, b *batch, ev *userEvent) time.Duration {
	return callLocked(a, &a.consumers, now, b, func(c *subscription[consumer.MonitorConsumer]) {
		c.subscriber.NotifyAgentEvent(ev.typ, ev.event)
		c.delivered++
	})
}

// deliverRecordsLocked hands records of a source, which are in the log but not committed yet, to
// all subscribers. The caller holds the dispatch lock.
func (a *Agent) deliverRecordsLocked(b *batch) {
	if len(b.records) > 0 && (a.consumers.concerned() || a.listeners.concerned()) {
		a.events.Retain()
		now := callLocked(a, &a.consumers, a.counters.now(), b, func(c *subscription[consumer.MonitorConsumer]) {
			notifyLocked(c, b)
		})
		if a.listeners.concerned() {
			a.deliverToListenersLocked(now, b)
		}
	}
	a.publishLocked()
}

// publishLocked gives what was delivered to clients and streams, and its numbers to Stats. The caller
// holds the dispatch lock.
func (a *Agent) publishLocked() {
	a.history.commitLocked()
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
		s.offer()
	}
}

// scheduleFlush has the servers' goroutines call flush.
func (a *Agent) scheduleFlush() {
	for s := range a.servers.all {
		s.scheduleFlush()
	}
}

// notifyLocked hands records of a source to a consumer. The caller holds the dispatch lock.
func notifyLocked(c *subscription[consumer.MonitorConsumer], b *batch) {
	if c.batches != nil {
		c.batches.NotifyPerfEvents(b.only(c.class))
		_, events := b.of(c.class)
		c.delivered += events
		return
	}
	for i := range b.records {
		if c.gone.Load() {
			return
		}
		if !b.classes[i].Has(c.class) {
			continue
		}
		if pl := &b.records[i]; pl.Type == payload.RecordLost {
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
func (a *Agent) deliverToListenersLocked(now time.Duration, b *batch) {
	var wanted eventlog.Classes
	for l := range a.listeners.subscriptions {
		wanted |= eventlog.Of(l.class)
	}
	shared := make([]*payload.Payload, len(b.records))
	for i := range b.records {
		if b.classes[i]&wanted != 0 {
			shared[i] = new(payload.Payload)
			*shared[i] = b.records[i]
		}
	}
	callLocked(a, &a.listeners, now, b, func(l *subscription[listener.MonitorListener]) {
		for i, pl := range shared {
			if l.gone.Load() {
				return
			}
			if !b.classes[i].Has(l.class) {
				continue
			}
			l.subscriber.Enqueue(pl)
			l.delivered += max(1, pl.Lost)
		}
	})
}
