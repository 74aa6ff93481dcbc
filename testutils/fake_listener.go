// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
)

var _ listener.MonitorListener = (*FakeListener)(nil)

// FakeListener is a listener of API 1.2 that keeps all it gets. The zero value is ready
// to be registered. Its methods may be called concurrently.
type FakeListener struct {
	seen recorder[payload.Payload]
}

// Enqueue implements listener.MonitorListener.
func (l *FakeListener) Enqueue(pl *payload.Payload) {
	if pl.Type == payload.RecordLost {
		l.seen.loss(*pl, pl.Lost)
	} else {
		l.seen.event(*pl)
	}
}

// Version implements listener.MonitorListener.
func (l *FakeListener) Version() listener.Version { return listener.Version1_2 }

// Close implements listener.MonitorListener.
func (l *FakeListener) Close() { l.seen.end() }

// Payloads returns all payloads so far. Their Data must not be changed.
func (l *FakeListener) Payloads() []payload.Payload { return l.seen.all() }

// Counts returns how many events the listener got, and how many were lost to it.
func (l *FakeListener) Counts() (events, lost uint64) { return l.seen.counts() }

// WaitFor waits until the listener has seen n events, counting those that it was told
// are lost. The error says what it has seen instead when ctx ends, after a minute, or when
// the listener is closed.
func (l *FakeListener) WaitFor(ctx context.Context, n uint64) error {
	return l.seen.waitFor(ctx, n, payloadLine)
}

// WaitClosed waits until the agent has closed the listener, at most a minute.
func (l *FakeListener) WaitClosed(ctx context.Context) error {
	return l.seen.waitEnd(ctx, payloadLine)
}
