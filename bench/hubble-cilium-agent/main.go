// SPDX-License-Identifier: Apache-2.0

// Hubble-cilium-agent runs the monitor agent of Cilium with Hubble's observer for the comparison, put together as Cilium's cell
// of Hubble does, without what knows endpoints, identities and names. Cilium's code tells by the end of the binary's name that the
// events map is under the default root.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"

	"github.com/cilium/cilium/pkg/defaults"
	"github.com/cilium/cilium/pkg/hubble/container"
	hubbledefaults "github.com/cilium/cilium/pkg/hubble/defaults"
	"github.com/cilium/cilium/pkg/hubble/monitor"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	"github.com/cilium/cilium/pkg/hubble/parser"
	"github.com/cilium/cilium/pkg/hubble/server"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	"github.com/cilium/cilium/pkg/maps/eventsmap"
	"github.com/cilium/cilium/pkg/monitor/agent"
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"

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
	flags := pflag.NewFlagSet("hubble-cilium-agent", pflag.ContinueOnError)
	count := flags.Bool("count", false, "have a consumer that counts events")
	enable := flags.Bool("enable-hubble", true, "serve Hubble's API")
	socket := flags.String("hubble-socket-path", hubbledefaults.SocketPath, "where")
	capacity := flags.Int("hubble-event-buffer-capacity", observeroption.Default.MaxFlows.AsInt(), "events to keep")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return agentproc.Agent{}, err
	}
	if err := h.Start(log, context.Background()); err != nil {
		return agentproc.Agent{}, err
	}
	stop := func() error { return h.Stop(log, context.Background()) }
	if *count {
		a.RegisterNewConsumer(&agentproc.Counter{})
	}
	if !*enable {
		return agentproc.Agent{Stop: stop}, nil
	}
	hubble, err := serve(log, a, *socket, *capacity)
	if err != nil {
		return agentproc.Agent{}, errors.Join(err, stop())
	}
	return agentproc.Agent{Stop: func() error {
		hubble.Stop()
		return stop()
	}}, nil
}

// serve has an observer consume the agent's events, until the process ends, and serves it at a unix socket.
func serve(log *slog.Logger, a agent.Agent, socket string, capacity int) (*server.Server, error) {
	decoder, err := parser.New(log, nil, nil, nil, nil, nil, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("making the parser: %w", err)
	}
	maxFlows, err := container.NewCapacity(capacity)
	if err != nil {
		return nil, err
	}
	flows, err := observer.NewLocalServer(decoder, namespace.NewManager(), log,
		observeroption.WithMaxFlows(maxFlows),
		observeroption.WithMonitorBuffer(min(runtime.NumCPU()*defaults.MonitorQueueSizePerCPU, defaults.MonitorQueueSizePerCPUMaximum)),
		observeroption.WithLostEventSendInterval(hubbledefaults.LostEventSendInterval),
	)
	if err != nil {
		return nil, fmt.Errorf("making the observer: %w", err)
	}
	s, err := server.NewServer(log,
		serveroption.WithUnixSocketListener(log, "unix://"+socket),
		serveroption.WithHealthService(),
		serveroption.WithObserverService(flows),
		serveroption.WithInsecure(),
	)
	if err != nil {
		return nil, fmt.Errorf("making the server: %w", err)
	}
	go flows.Start()
	a.RegisterNewConsumer(monitor.NewConsumer(flows, hubbledefaults.LostEventSendInterval))
	go func() {
		if err := s.Serve(); err != nil {
			log.Error("serving Hubble", "error", err)
		}
	}()
	return s, nil
}
