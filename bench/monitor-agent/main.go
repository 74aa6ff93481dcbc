// SPDX-License-Identifier: Apache-2.0

// Monitor-agent runs this project's monitor for the comparison: its cell in a
// hive, with the configuration of the flags that it is given.
package main

import (
	"context"
	"log/slog"
	"net/netip"
	"os"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/bench/internal/agentproc"
)

// pinned is the datapath: the driver has pinned the events map before it starts
// the agent.
func pinned(context.Context) error { return nil }

func main() { agentproc.Main(start) }

func start() (agentproc.Agent, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var a *agent.Agent
	h := hive.New(
		monitor.Cell,
		cell.Provide(func() monitor.DatapathReady { return pinned }),
		cell.Invoke(func(got *agent.Agent) { a = got }),
	)
	flags := pflag.NewFlagSet("monitor-agent", pflag.ContinueOnError)
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

	event := api.IPCacheUpsertedMessage(api.IPCacheNotification{
		CIDR: "10.1.2.3/32", Identity: 4711, HostIP: netip.AddrFrom4([4]byte{192, 168, 0, 1}),
		Namespace: "kube-system", PodName: "coredns-5d78c9869d-xyz12",
	})
	return agentproc.Agent{
		SendEvent: func() error { return a.SendEvent(api.MessageTypeAgent, event) },
		Stop:      func() error { return h.Stop(log, context.Background()) },
	}, nil
}
