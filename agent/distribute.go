// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/cilium/monitor/api/payload"
)

// read is a record of the perf ring buffer on its way to the subscribers.
type read struct {
	data []byte // of an event, in the log; nil for a loss
	lost uint64
	cpu  int
}

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
		data := a.events.Append(&pl)
		putBuffer(ev.data)
		a.enqueue(payload.Payload{Data: data, Type: payload.EventSample})
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
func (a *Agent) distributeRead(records []read) {
	if a.consumers.len() > 0 {
		a.events.Keep()
		for i := range records {
			a.notify(&records[i])
		}
	}
	if a.listeners.len() > 0 {
		for i := range records {
			r := &records[i]
			if r.data == nil {
				a.enqueue(payload.Payload{CPU: r.cpu, Lost: r.lost, Type: payload.RecordLost})
			} else {
				a.enqueue(payload.Payload{Data: r.data, CPU: r.cpu, Type: payload.EventSample})
			}
		}
	}
	a.events.Commit()
}

func (a *Agent) notify(r *read) {
	for c := range a.consumers.all {
		if r.data == nil {
			c.NotifyPerfEventLost(r.lost, r.cpu)
		} else {
			c.NotifyPerfEvent(r.data, r.cpu)
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
