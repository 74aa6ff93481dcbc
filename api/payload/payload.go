// SPDX-License-Identifier: Apache-2.0

// Package payload has the unit of the monitor API 1.2, the Payload, and the gob
// session that carries it.
//
// A connection is one gob session: the type information of Payload once, at the
// start, then one value message for each event. After the type information a
// value message is the same bytes on every connection, so a server encodes each
// event once with [AppendValue] or [AppendSample], however many clients it has.
// Any gob decoder reads them. The bytes are those that encoding/gob writes, but for a
// CPU of 0: encoding/gob leaves out what is 0, and a decoder keeps what its struct had
// before, so clients that use one struct for all payloads would see the CPU of the
// one before. It is written.
package payload

// Types of a Payload. The values are PERF_RECORD_LOST and PERF_RECORD_SAMPLE of
// linux/perf_event.h.
const (
	// RecordLost marks a payload that tells of events that were not delivered.
	RecordLost = 2

	// EventSample marks a payload that carries an event.
	EventSample = 9
)

// CPULostByReader is the CPU of a RecordLost payload that counts the events
// which the reader of this very stream missed because it was too slow. Losses of
// the datapath carry the CPU whose ring was full.
const CPULostByReader = -1

// Payload is one event, or one loss, on its way to a client.
type Payload struct {
	// Data is the event if Type is EventSample; its first byte is the message
	// type. If Type is RecordLost it is empty, or says more of the loss: see [Payload.RateLimited].
	Data []byte

	// CPU is the CPU that the event came from, 0 for events of user space.
	CPU int

	// Lost is the number of events that were not delivered if Type is RecordLost.
	Lost uint64

	// Type is EventSample or RecordLost.
	Type int
}
