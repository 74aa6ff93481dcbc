// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"sync"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
)

// watchQueue is how many events wait for a shell that is slower than they come.
const watchQueue = 4096

// watchListener is the listener of a monitor/watch. Whoever enqueues does not wait for it.
type watchListener struct {
	queue  chan *payload.Payload // sent to under mu
	closed chan struct{}

	mu     sync.Mutex // guards what follows
	missed uint64     // events that found the queue full, and are to be told in their place
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

// Enqueue implements listener.MonitorListener.
func (l *watchListener) Enqueue(pl *payload.Payload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.missed > 0 {
		if !l.put(l.loss()) {
			l.missed += max(1, pl.Lost)
			return
		}
		l.missed = 0
	}
	if !l.put(pl) {
		l.missed = max(1, pl.Lost)
	}
}

// next returns what is in the queue, then what was missed, and nil if there is nothing.
func (l *watchListener) next() *payload.Payload {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case pl := <-l.queue:
		return pl
	default:
	}
	if l.missed == 0 {
		return nil
	}
	loss := l.loss()
	l.missed = 0
	return loss
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
