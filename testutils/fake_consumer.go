// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"fmt"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
)

var _ consumer.MonitorConsumer = (*FakeConsumer)(nil)

// FakeConsumer is a consumer that keeps all it gets. The zero value is ready to be
// registered. Its methods may be called concurrently.
type FakeConsumer struct {
	seen recorder[Notification]
}

// Notification is one call of a consumer. Which fields are set depends on the method.
type Notification struct {
	Type    int // NotifyAgentEvent: the message type; 0 for the others
	Message any // NotifyAgentEvent

	Data []byte // NotifyPerfEvent
	Lost uint64 // NotifyPerfEventLost
	CPU  int    // NotifyPerfEvent, NotifyPerfEventLost
}

// String returns the line that "monitor watch -v --numeric" prints for it.
func (n Notification) String() string {
	switch {
	case n.Lost > 0:
		return payloadLine(payload.Payload{Lost: n.Lost, CPU: n.CPU, Type: payload.RecordLost})
	case n.Data != nil:
		return payloadLine(payload.Payload{Data: n.Data, CPU: n.CPU, Type: payload.EventSample})
	}
	data, err := n.encode()
	if err != nil {
		return fmt.Sprintf("%s: %v (%v)", api.MessageTypeName(n.Type), n.Message, err)
	}
	return payloadLine(payload.Payload{Data: data, Type: payload.EventSample})
}

// encode returns the event as clients get it.
func (n Notification) encode() ([]byte, error) {
	switch message := n.Message.(type) {
	case api.AgentNotifyMessage:
		notify, err := message.ToJSON()
		return notify.Append(nil), err
	case *accesslog.LogRecord:
		return message.Append(nil)
	default:
		return nil, fmt.Errorf("no line for a %T", n.Message)
	}
}

// NotifyAgentEvent implements consumer.MonitorConsumer.
func (c *FakeConsumer) NotifyAgentEvent(typ int, message any) {
	c.seen.event(Notification{Type: typ, Message: message})
}

// NotifyPerfEvent implements consumer.MonitorConsumer.
func (c *FakeConsumer) NotifyPerfEvent(data []byte, cpu int) {
	c.seen.event(Notification{Data: data, CPU: cpu})
}

// NotifyPerfEventLost implements consumer.MonitorConsumer.
func (c *FakeConsumer) NotifyPerfEventLost(numLostEvents uint64, cpu int) {
	c.seen.loss(Notification{Lost: numLostEvents, CPU: cpu}, numLostEvents)
}

// Notifications returns all calls so far. What they point to must not be changed.
func (c *FakeConsumer) Notifications() []Notification { return c.seen.all() }

// Counts returns how many events the consumer got, and how many were lost to it.
func (c *FakeConsumer) Counts() (events, lost uint64) { return c.seen.counts() }

// WaitFor waits until the consumer has seen n events, counting those that it was told
// are lost. The error says what it has seen instead when ctx ends, or after a minute.
func (c *FakeConsumer) WaitFor(ctx context.Context, n uint64) error {
	return c.seen.waitFor(ctx, n, Notification.String)
}
