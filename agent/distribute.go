// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/cilium/monitor/api/payload"
)

// giveTurn gives the turn back, or passes it to a goroutine that distributes the events
// that were left in the meantime.
func (a *Agent) giveTurn() {
	if left := a.turn.give(); left != nil {
		a.goroutines.Go(func() { a.distributeLeft(left) })
	}
}

func (a *Agent) distributeLeft(left []sent) {
	for left != nil {
		a.distributeSent(left...)
		left = a.turn.give()
	}
}

// distributeSent hands events of SendEvent to all subscribers. The caller has the turn.
func (a *Agent) distributeSent(events ...sent) {
	if len(events) == 0 {
		return
	}
	a.counters.sent(events)
	for _, ev := range events {
		if ev.then != nil {
			ev.then()
			continue
		}
		for c := range a.consumers.subscriptions {
			c.subscriber.NotifyAgentEvent(ev.typ, ev.event)
			c.delivered++
		}
		if ev.data == nil {
			continue
		}
		pl := payload.Payload{Data: *ev.data, Type: payload.EventSample}
		pl.Data = a.events.Append(&pl)
		putBuffer(ev.data)
		a.enqueue(pl)
	}
	a.publish()
	for s := range a.servers.all {
		s.flushSoon()
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

// distributeRead hands records of the perf ring buffer, which are in the log but not
// committed yet, to all subscribers. The caller has the turn.
func (a *Agent) distributeRead(records []payload.Payload) {
	if a.consumers.len() > 0 {
		a.events.Keep()
		for i := range records {
			a.notify(&records[i])
		}
	}
	if a.listeners.len() > 0 {
		for _, pl := range records {
			a.enqueue(pl)
		}
	}
	a.publish()
}

// publish gives what was distributed to the connections, and its numbers to Stats. The caller
// has the turn.
func (a *Agent) publish() {
	a.events.Commit()
	a.consumers.publish()
	a.listeners.publish()
}

func (a *Agent) notify(pl *payload.Payload) {
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

// enqueue hands a payload, whose Data is in the log, to the listeners.
func (a *Agent) enqueue(pl payload.Payload) {
	if a.listeners.len() == 0 {
		return
	}
	a.events.Keep()
	shared := new(payload.Payload)
	*shared = pl
	for l := range a.listeners.subscriptions {
		l.subscriber.Enqueue(shared)
		l.delivered += max(1, pl.Lost)
	}
}
