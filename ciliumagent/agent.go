// SPDX-License-Identifier: Apache-2.0

package ciliumagent

import (
	"github.com/cilium/cilium/api/v1/models"
	ciliumagent "github.com/cilium/cilium/pkg/monitor/agent"
	ciliumconsumer "github.com/cilium/cilium/pkg/monitor/agent/consumer"
	ciliumlistener "github.com/cilium/cilium/pkg/monitor/agent/listener"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/agent"
)

// Cell provides Cilium's agent interface, of the agent that monitor.Cell or monitor.AgentCell provides.
var Cell = cell.Module(
	"monitor-cilium-agent",
	"Gives the agent to packages of Cilium",

	cell.Provide(New),
)

// New returns a as Cilium's packages want it. Its methods are those of a: they may be called concurrently, and have the
// same effects and errors. Subscribers are told apart by what was registered here: RemoveConsumer and RemoveListener take
// the same consumer or listener, also on the result of another New of the same agent. A nil one is ignored.
//
// A consumer or listener that implements [github.com/cilium/monitor/interest.Interested] gets what it wants; Cilium's own
// do not, and get everything.
func New(a *agent.Agent) ciliumagent.Agent { return ciliumAgent{a} }

// ciliumAgent is an agent with Cilium's types.
type ciliumAgent struct{ agent *agent.Agent }

func (a ciliumAgent) AttachToEventsMap(nPages int) error { return a.agent.AttachToEventsMap(nPages) }

func (a ciliumAgent) SendEvent(typ int, event any) error {
	return a.agent.SendEvent(typ, fromCilium(event))
}

func (a ciliumAgent) RegisterNewConsumer(c ciliumconsumer.MonitorConsumer) {
	if c != nil {
		a.agent.RegisterNewConsumer(consumerOf{c})
	}
}

func (a ciliumAgent) RemoveConsumer(c ciliumconsumer.MonitorConsumer) {
	if c != nil {
		a.agent.RemoveConsumer(consumerOf{c})
	}
}

func (a ciliumAgent) RegisterNewListener(l ciliumlistener.MonitorListener) {
	if l != nil {
		a.agent.RegisterNewListener(listenerOf{l})
	}
}

func (a ciliumAgent) RemoveListener(l ciliumlistener.MonitorListener) {
	if l != nil {
		a.agent.RemoveListener(listenerOf{l})
	}
}

func (a ciliumAgent) State() *models.MonitorStatus {
	return (*models.MonitorStatus)(a.agent.State())
}
