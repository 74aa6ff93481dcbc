// SPDX-License-Identifier: Apache-2.0

// Hubble-monitor-agent runs this project's monitor with Hubble for the comparison: both cells in a hive, with the configuration
// of the flags that it is given.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/hubble"
)

// pinned is the datapath: the driver has pinned the events map before it starts the agent.
func pinned(context.Context) error { return nil }

func main() { agentproc.Main(start) }

func start() (agentproc.Agent, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var a *agent.Agent
	h := hive.New(
		monitor.Cell, hubble.Cell,
		cell.Provide(func() monitor.DatapathReady { return pinned }),
		cell.Invoke(func(got *agent.Agent) { a = got }),
	)
	flags := pflag.NewFlagSet("hubble-monitor-agent", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	count := flags.Bool("count", false, "have a consumer that counts events")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return agentproc.Agent{}, err
	}
	if err := h.Start(log, context.Background()); err != nil {
		return agentproc.Agent{}, err
	}
	if *count {
		a.RegisterNewConsumer(&agentproc.Counter{})
	}
	return agentproc.Agent{Stop: func() error { return h.Stop(log, context.Background()) }}, nil
}
