// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
)

// watchQueue is how many events wait for a shell that is slower than they come.
const watchQueue = 4096

// watchListener is the listener of a monitor/watch. Whoever enqueues does not wait for it.
type watchListener struct {
	queue  chan *payload.Payload
	closed chan struct{}

	// missed are the events that found the queue full since the last one that did not.
	// The agent calls a listener's methods one at a time.
	missed uint64
}

func newWatchListener() *watchListener {
	return &watchListener{queue: make(chan *payload.Payload, watchQueue), closed: make(chan struct{})}
}

// String is what the list of subscribers shows.
func (l *watchListener) String() string { return "monitor/watch" }

// Version implements listener.MonitorListener.
func (l *watchListener) Version() listener.Version { return listener.Version1_2 }

// Close implements listener.MonitorListener. It is called once, behind all Enqueue.
func (l *watchListener) Close() { close(l.closed) }

// Enqueue implements listener.MonitorListener. What was missed comes, as a number, before
// the first event that there is room for again.
func (l *watchListener) Enqueue(pl *payload.Payload) {
	if l.missed > 0 && l.put(l.loss()) {
		l.missed = 0
	}
	if l.missed > 0 || !l.put(pl) {
		l.missed += max(1, pl.Lost)
	}
}

func (l *watchListener) loss() *payload.Payload {
	return &payload.Payload{CPU: payload.CPULostByReader, Lost: l.missed, Type: payload.RecordLost}
}

func (l *watchListener) put(pl *payload.Payload) bool {
	select {
	case l.queue <- pl:
		return true
	default:
		return false
	}
}

// drain prints what a closed listener has left.
func (l *watchListener) drain(p *printer) error {
	for len(l.queue) > 0 {
		if !p.print(<-l.queue) {
			return p.state.FlushLog()
		}
	}
	if l.missed > 0 {
		p.print(l.loss())
	}
	return p.state.FlushLog()
}
