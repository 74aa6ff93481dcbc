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
	for _, ev := range events {
		if ev.closing != nil {
			ev.closing.Close()
			continue
		}
		for c := range a.consumers.all {
			c.NotifyAgentEvent(ev.typ, ev.event)
		}
		if ev.data == nil {
			continue
		}
		pl := payload.Payload{Data: *ev.data, Type: payload.EventSample}
		pl.Data = a.events.Append(&pl)
		putBuffer(ev.data)
		a.enqueue(pl)
	}
	a.events.Commit()
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
	a.events.Commit()
}

func (a *Agent) notify(pl *payload.Payload) {
	for c := range a.consumers.all {
		if pl.Type == payload.RecordLost {
			c.NotifyPerfEventLost(pl.Lost, pl.CPU)
		} else {
			c.NotifyPerfEvent(pl.Data, pl.CPU)
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
	for l := range a.listeners.all {
		l.Enqueue(shared)
	}
}
