// SPDX-License-Identifier: Apache-2.0

package ciliumagent

import (
	ciliumconsumer "github.com/cilium/cilium/pkg/monitor/agent/consumer"
	ciliumlistener "github.com/cilium/cilium/pkg/monitor/agent/listener"
	ciliumpayload "github.com/cilium/cilium/pkg/monitor/payload"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/guest"
	"github.com/cilium/monitor/listener"
)

// consumerOf is a consumer of Cilium's. It is a value, which is equal to another one of the same consumer: that is how the
// agent finds it again.
type consumerOf struct{ ciliumconsumer.MonitorConsumer }

func (c consumerOf) NotifyAgentEvent(typ int, message any) {
	c.MonitorConsumer.NotifyAgentEvent(typ, toCilium(message))
}

func (c consumerOf) Interest() interest.Interest { return interest.Of(c.MonitorConsumer) }

// String has people see what it is, not what is around it.
func (c consumerOf) String() string { return guest.Name(c.MonitorConsumer) }

// listenerOf is a listener of Cilium's, a value as consumerOf is.
type listenerOf struct{ ciliumlistener.MonitorListener }

func (l listenerOf) Enqueue(pl *payload.Payload) {
	l.MonitorListener.Enqueue((*ciliumpayload.Payload)(pl))
}

func (l listenerOf) Version() listener.Version { return listener.Version(l.MonitorListener.Version()) }

func (l listenerOf) Interest() interest.Interest { return interest.Of(l.MonitorListener) }

func (l listenerOf) String() string { return guest.Name(l.MonitorListener) }
