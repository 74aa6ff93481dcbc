// SPDX-License-Identifier: Apache-2.0

// Package monitor packages the event monitor of a BPF datapath as a hive cell.
//
// A datapath reports what it does to packets through a perf ring buffer that only one
// process can read. [Cell] reads it once and hands every event to everyone who wants
// it: clients of a unix socket that speaks the Cilium 1.2 monitor API, and consumers
// inside the process.
//
//	hive.New(monitor.Cell, yourCells...)
//
// The cell provides [agent.Agent], with which other cells register consumers and send
// events of their own, and the script command monitor/status. It takes, if they are
// there:
//
//   - [DatapathReady]: tells when the events map is set up. Without it there are
//     only the events that cells send.
//   - logrus.FieldLogger: where it logs, with field subsys=monitor-agent. Without
//     one it logs to hive's slog logger.
//   - cell.Health: where it reports how the reader and the datapath are.
//
// Its flags are those of [Config].
package monitor

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
)

// Cell is the monitor: the agent, served on a unix socket.
var Cell = cell.Module(
	"monitor",
	"Monitor of datapath events",

	cell.Config(defaultConfig),
	cell.Provide(newAgent, scriptCommands),
	cell.Invoke(serve, attach),
)

type agentParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    Config
	Slog      *slog.Logger
	Logrus    logrus.FieldLogger `optional:"true"`
	Health    cell.Health        `optional:"true"`
}

// newAgent makes the agent. Subscribers can be registered before the hive starts; when
// it stops, everything has ended when the hook returns.
func newAgent(p agentParams) (*agent.Agent, error) {
	if err := p.Config.validate(); err != nil {
		return nil, err
	}
	opts := []agent.Option{
		agent.WithLogger(newLogger(p.Logrus, p.Slog)),
		agent.WithEventsMap(p.Config.MonitorEventsMap),
		agent.WithQueueSize(p.Config.MonitorQueueSize),
	}
	if p.Health != nil {
		opts = append(opts, agent.WithHealth(p.Health.NewScope("reader")))
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx, opts...)
	p.Lifecycle.Append(cell.Hook{
		OnStop: func(ctx cell.HookContext) error {
			cancel()
			select {
			case <-a.Done():
				return nil
			case <-ctx.Done():
				return fmt.Errorf("stop the monitor agent: %w", ctx.Err())
			}
		},
	})
	return a, nil
}

// serve serves the monitor API from start on. It ends with the agent.
func serve(lc cell.Lifecycle, cfg Config, a *agent.Agent) {
	if !cfg.EnableMonitor {
		return
	}
	lc.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			return agent.ServeMonitorAPI(a, agent.WithSocketPath(cfg.MonitorSocketPath))
		},
	})
}

func scriptCommands(a *agent.Agent) hive.ScriptCmdOut {
	return hive.NewScriptCmd("monitor/status", statusCommand(a))
}
