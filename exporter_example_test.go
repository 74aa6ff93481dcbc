// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/format"
)

// exporter sends events elsewhere, at its own pace: it holds nobody up, and is told what it lost.
type exporter struct {
	agent *agent.Agent
	send  func(json []byte)

	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Start implements cell.HookInterface.
func (e *exporter) Start(cell.HookContext) error {
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	events := e.agent.Subscribe(ctx, "exporter") // its name in the status and in the metrics
	e.running.Go(func() {
		event, formatter := format.NewEvent(nil), format.New(format.Options{Output: format.OutputJSON})
		var line []byte
		for pl := range events {
			event.Decode(pl)
			line = formatter.Append(line[:0], event)
			e.send(line)
		}
	})
	return nil
}

// Stop implements cell.HookInterface.
func (e *exporter) Stop(cell.HookContext) error {
	e.cancel()
	e.running.Wait()
	return nil
}

// An exporter is a cell that reads a stream of events inside the process.
func Example_exporter() {
	exported := make(chan struct{})
	startAndStop(
		monitor.Cell,
		cell.Invoke(func(lc cell.Lifecycle, a *agent.Agent) {
			lc.Append(&exporter{agent: a, send: func(json []byte) {
				fmt.Printf("%s", json)
				close(exported)
			}})
		}),
		cell.Invoke(hello),
		cell.Invoke(func(lc cell.Lifecycle) {
			lc.Append(cell.Hook{OnStart: func(cell.HookContext) error { <-exported; return nil }})
		}),
	)
	// Output: {"type":"agent","subtype":"Message","message":"hello"}
}
