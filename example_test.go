// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// greeter is a consumer that prints what cells say.
type greeter struct{}

func (greeter) NotifyAgentEvent(_ int, event any) { fmt.Println(event) }
func (greeter) NotifyPerfEvent([]byte, int)       {}
func (greeter) NotifyPerfEventLost(uint64, int)   {}

// A program with the monitor, and a cell that subscribes to its events and sends one.
func Example() {
	h := hive.New(
		monitor.Cell,
		cell.Invoke(func(a *agent.Agent) error {
			a.RegisterNewConsumer(greeter{})
			return a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello"))
		}),
	)
	dir, err := os.MkdirTemp("", "monitor")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	h.Viper().Set("monitor-socket-path", dir+"/monitor.sock")

	log := slog.New(slog.DiscardHandler)
	if err := h.Start(log, context.Background()); err != nil {
		panic(err)
	}
	if err := h.Stop(log, context.Background()); err != nil {
		panic(err)
	}
	// Output: {Message hello}
}
