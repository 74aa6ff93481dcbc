// SPDX-License-Identifier: Apache-2.0

package ciliumagent_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"

	ciliummonitor "github.com/cilium/cilium/pkg/monitor/agent"
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/ciliumagent"
)

// printer is a consumer that was written for Cilium.
type printer struct{}

func (printer) NotifyAgentEvent(_ int, message any) {
	fmt.Printf("%T %v\n", message, message)
}
func (printer) NotifyPerfEvent([]byte, int)     {}
func (printer) NotifyPerfEventLost(uint64, int) {}

// ciliumCell stands for a cell that takes Cilium's agent, such as that of Cilium's Hubble.
var ciliumCell = cell.Invoke(func(a ciliummonitor.Agent) { a.RegisterNewConsumer(printer{}) })

// A program in which a cell that was written for Cilium's agent gets this one.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	h := hive.New(
		monitor.Cell,
		ciliumagent.Cell,
		ciliumCell,
		cell.Invoke(func(lc cell.Lifecycle, a *agent.Agent) {
			lc.Append(cell.Hook{OnStart: func(cell.HookContext) error {
				return a.SendEvent(api.MessageTypeAgent, api.PolicyUpdateMessage(2, []string{"k8s:app=web"}, 7))
			}})
		}),
	)
	hive.AddConfigOverride(h, func(cfg *monitor.ServerConfig) { cfg.MonitorSocketPath = filepath.Join(dir, "monitor.sock") })
	quiet := slog.New(slog.DiscardHandler)
	if err := h.Start(quiet, context.Background()); err != nil {
		log.Fatal(err)
	}
	if err := h.Stop(quiet, context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: api.AgentNotifyMessage {5 {[k8s:app=web] 7 2}}
}
