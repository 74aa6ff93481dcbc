// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/commands"
	"github.com/cilium/monitor/internal/hivelog"
	"github.com/cilium/monitor/metrics"
)

// AgentCell provides *agent.Agent, attaches it to the datapath's events map, and gives it its
// subscribers. It serves no socket.
var AgentCell = cell.Module(
	"monitor-agent",
	"Reads events and hands them to subscribers",

	cell.Config(defaultAgentConfig),
	cell.Provide(newAgent, commands.New),
	cell.ProvidePrivate(newVocabularies),

	// In this order: on stop the agent detaches from the events map, its subscribers
	// have all that was written until then, and are removed. The names of what they had go
	// last.
	cell.Invoke(func(*vocabularies) {}, registerVocabularies, registerMetrics, subscribe, attach),
)

type agentParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    AgentConfig
	Slog      *slog.Logger
	Logrus    logrus.FieldLogger `optional:"true"`
	Health    cell.Health        `optional:"true"`
	Check     DatapathCheck      `optional:"true"`
	Frames    agent.Frames       `optional:"true"`
	Histories []HistoryBytes     `group:"monitor-histories"`
}

// newAgent makes the agent. Events can be sent and subscribers registered before the hive
// starts; when it stops, everything has ended when the hook returns.
func newAgent(p agentParams) (*agent.Agent, error) {
	if err := p.Config.validate(); err != nil {
		return nil, err
	}
	wants, historyBytes, err := p.Config.history()
	if err != nil {
		return nil, err
	}
	for _, bytes := range p.Histories {
		historyBytes = max(historyBytes, int(bytes))
	}
	opts := []agent.Option{
		agent.WithLogger(hivelog.New(p.Logrus, p.Slog, "monitor-agent")),
		agent.WithEventsMap(p.Config.MonitorEventsMap),
		agent.WithQueueSize(p.Config.MonitorQueueSize),
		agent.WithQueueBytes(p.Config.MonitorQueueBytes),
		agent.WithHistory(wants, historyBytes),
		agent.WithMaxDelay(p.Config.MonitorMaxDelay),
	}
	if p.Config.MonitorTakeOver {
		opts = append(opts, agent.WithTakeOver())
	}
	if p.Check != nil {
		opts = append(opts, agent.WithEventsMapCheck(p.Check))
	}
	if p.Frames != nil {
		opts = append(opts, agent.WithFrames(p.Frames))
	}
	if p.Health != nil {
		opts = append(opts, agent.WithHealth(p.Health.NewScope("reader")))
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx, opts...)
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			if ctx.Err() != nil {
				return fmt.Errorf("start the monitor agent again: %w", agent.ErrStopped)
			}
			return nil
		},
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

type metricsParams struct {
	cell.In

	Lifecycle  cell.Lifecycle
	Agent      *agent.Agent
	Registerer prometheus.Registerer `optional:"true"`
}

// registerMetrics registers the agent's metrics as long as the hive runs.
func registerMetrics(p metricsParams) {
	if p.Registerer == nil {
		return
	}
	collector := metrics.NewCollector(p.Agent)
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			if err := p.Registerer.Register(collector); err != nil {
				return fmt.Errorf("register the metrics of the monitor: %w", err)
			}
			return nil
		},
		OnStop: func(cell.HookContext) error {
			p.Registerer.Unregister(collector)
			return nil
		},
	})
}
