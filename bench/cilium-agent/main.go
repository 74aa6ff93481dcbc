// SPDX-License-Identifier: Apache-2.0

// Cilium-agent runs the monitor agent of Cilium for the comparison: its cell
// in a hive, with nothing else of Cilium's. Its code tells by the name of the
// binary that the events map is under the default root.
package main

import (
	"context"
	"log/slog"
	"net"
	"os"

	"github.com/cilium/cilium/pkg/maps/eventsmap"
	"github.com/cilium/cilium/pkg/monitor/agent"
	"github.com/cilium/cilium/pkg/monitor/api"
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/bench/internal/agentproc"
)

func main() { agentproc.Main(start) }

func start() (agentproc.Agent, error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var a agent.Agent
	h := hive.New(
		agent.Cell,
		// The cell only asks whether there is a map; it opens the pinned one.
		cell.Provide(func() eventsmap.Map { return struct{}{} }),
		cell.Invoke(func(got agent.Agent) { a = got }),
	)
	if err := h.Start(log, context.Background()); err != nil {
		return agentproc.Agent{}, err
	}

	event := api.IPCacheUpsertedMessage("10.1.2.3/32", 4711, nil,
		net.IPv4(192, 168, 0, 1), nil, 0, "kube-system", "coredns-5d78c9869d-xyz12")
	return agentproc.Agent{
		SendEvent: func() error { return a.SendEvent(api.MessageTypeAgent, event) },
		Stop:      func() error { return h.Stop(log, context.Background()) },
	}, nil
}
