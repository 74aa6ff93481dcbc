// SPDX-License-Identifier: Apache-2.0

// Package listener defines the interface of subscribers that take encoded
// events, as the clients of the monitor socket do.
package listener

import "github.com/cilium/monitor/api/payload"

// Version is the version of the monitor API that a listener speaks.
type Version string

const (
	// VersionUnsupported is the version of a listener that no agent serves.
	VersionUnsupported Version = "unsupported"

	// Version1_2 is API 1.2: one gob session for each connection.
	Version1_2 Version = "1.2"

	// Version1_3 is API 1.3: requests, and frames. It is that of clients only, listeners have 1.2.
	Version1_3 Version = "1.3"
)

// MonitorListener receives every monitor event as a payload.
//
// A listener that panics is removed, as a consumer is that does.
//
// The agent tells listeners apart by comparing interface values, so the
// dynamic type must be comparable; a pointer always is.
type MonitorListener interface {
	// Enqueue hands over the next event. It must not block: it is called on the
	// goroutine that distributes the events, without any lock of the agent held.
	// The payload is shared with all listeners and must not be changed; it may be
	// kept, at the cost that [consumer.MonitorConsumer] describes for data.
	//
	// [consumer.MonitorConsumer]: https://pkg.go.dev/github.com/cilium/monitor/consumer#MonitorConsumer
	Enqueue(pl *payload.Payload)

	// Version returns the API version that the listener speaks. An agent closes
	// a listener whose version it does not serve.
	Version() Version

	// Close ends the listener. The agent calls it once, on a goroutine of its own: when the
	// listener is removed, also since Enqueue panicked, when it is refused, or when the agent
	// stops. The agent does not wait for it longer than its drain time-out.
	Close()
}
