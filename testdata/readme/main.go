// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log"
	"log/slog"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// printer is a consumer: it gets every event, in this very process.
type printer struct{}

func (printer) NotifyAgentEvent(typ int, event any)      { fmt.Println("agent:", event) }
func (printer) NotifyPerfEvent(sample []byte, cpu int)   { fmt.Println("datapath:", sample) }
func (printer) NotifyPerfEventLost(lost uint64, cpu int) { fmt.Println("lost:", lost) }

func greet(lc cell.Lifecycle, a *agent.Agent) {
	a.RegisterNewConsumer(printer{})
	lc.Append(cell.Hook{OnStart: func(cell.HookContext) error {
		return a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello"))
	}})
}

func main() {
	if err := hive.New(monitor.Cell, cell.Invoke(greet)).Run(slog.Default()); err != nil {
		log.Fatal(err)
	}
}
