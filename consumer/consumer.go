// SPDX-License-Identifier: Apache-2.0

// Package consumer defines the interface of subscribers inside the process.
package consumer

import "github.com/cilium/monitor/api/payload"

// MonitorConsumer receives every monitor event inside the agent's process.
//
// The methods are called one event at a time, in the order in which all
// subscribers see the events, and without any lock of the agent held: they may
// call every method of the agent, also to register or remove subscribers.
// They run on the goroutine that reads the perf ring buffer, on the one that sent the
// event, or on one that distributes what was sent meanwhile, so a consumer that takes long
// holds up every subscriber. A batch of events, 256 at most, goes to one consumer before it goes
// to the next one; a [BatchConsumer] gets it in one call.
//
// Be a plain consumer for what takes less than a microsecond and never waits: to count, to update
// a map. Give a consumer that takes longer, or waits for others, a queue of its own: [NewQueued].
// Loop over [agent.Agent.Subscribe], a stream, to get events as clients do, encoded and from the
// agent's queue, at any pace.
//
// A consumer that panics is removed: the agent logs the panic with its stack, reports it in its
// health, and counts the events that the consumer misses from the one on at which it panicked. It may be
// registered again. One that does not return holds up everybody until it does: the agent can only
// name it.
//
// The agent tells consumers apart by comparing interface values, so the
// dynamic type must be comparable; a pointer always is.
//
// [agent.Agent.Subscribe]: https://pkg.go.dev/github.com/cilium/monitor/agent#Agent.Subscribe
type MonitorConsumer interface {
	// NotifyAgentEvent is called with an event of user space: its type
	// (api.MessageTypeAccessLog, api.MessageTypeAgent, ...) and the message as
	// it was given to SendEvent, not encoded. The message is shared with the
	// sender and the other consumers and must not be changed.
	NotifyAgentEvent(typ int, message any)

	// NotifyPerfEvent is called with a sample of the perf ring buffer and the
	// CPU it was taken on. Up to 7 bytes of padding can follow the event in
	// data. The consumer may keep data as long as it likes: it is never
	// reused and must not be changed, since all consumers share it. A slice
	// that is kept keeps the memory segment it lies in from being freed: 64 KiB
	// at most, or the size of the sample where that is larger.
	NotifyPerfEvent(data []byte, cpu int)

	// NotifyPerfEventLost is called when the datapath could not write
	// numLostEvents events because the ring of that CPU was full.
	NotifyPerfEventLost(numLostEvents uint64, cpu int)
}

// BatchConsumer is a [MonitorConsumer] that takes the events of the datapath many at a time. Whether a consumer is
// one is found out when it is registered: it needs nothing but the method.
//
// A batch counts as delivered once NotifyPerfEvents returns: a consumer that panics in it misses all of it.
type BatchConsumer interface {
	MonitorConsumer

	// NotifyPerfEvents is called in the place of NotifyPerfEvent and NotifyPerfEventLost, with one event at
	// least, in the order in which these would have been called. An event of the type payload.RecordLost is
	// a loss: its Lost and CPU are those of NotifyPerfEventLost. All others have the Data and CPU of
	// NotifyPerfEvent.
	//
	// The slice is the agent's, valid until the method returns, and must not be changed. The Data of its
	// events may be kept, as that of NotifyPerfEvent.
	NotifyPerfEvents(events []payload.Payload)
}
