// SPDX-License-Identifier: Apache-2.0

package main

import (
	"expvar"

	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

var dropsCell = cell.Module("drops", "Counts dropped packets by reason",
	cell.Provide(
		func(a *agent.Agent) *drops { return &drops{agent: a} },
		func(d *drops) monitor.ConsumerOut { return monitor.ConsumerOut{Consumer: d} },
		showCommand,
	),
)

// drops is a consumer: it gets every event, in this very process.
type drops struct {
	agent  *agent.Agent
	counts expvar.Map // by reason
}

func (d *drops) NotifyPerfEvent(sample []byte, cpu int) {
	var drop api.DropNotify
	if drop.Decode(sample) != nil {
		return // an event of another type
	}
	reason := api.DropReason(drop.SubType)
	if d.counts.Get(reason) == nil {
		d.tell("first drop: " + reason)
	}
	d.counts.Add(reason, 1)
}

func (d *drops) NotifyPerfEventLost(lost uint64, cpu int) { d.counts.Add("events lost", int64(lost)) }
func (d *drops) NotifyAgentEvent(typ int, event any)      {}

// tell sends an event to all clients and consumers.
func (d *drops) tell(text string) {
	if err := d.agent.SendEvent(api.MessageTypeAgent, api.GenericMessage(text)); err != nil {
		d.counts.Add("events not sent", 1)
	}
}
