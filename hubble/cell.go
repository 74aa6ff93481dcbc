// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/flow"
	"github.com/cilium/monitor/hubble/metrics"
	"github.com/cilium/monitor/internal/health"
	"github.com/cilium/monitor/internal/hivelog"
)

// Cell serves Hubble's API on the events of the *agent.Agent that is in the object graph.
var Cell = cell.Module(
	"hubble",
	"Serves the API of Hubble on events of the monitor",

	cell.Config(DefaultConfig),
	cell.Provide(newHistory, newDecoder),
	cell.Invoke(serve),
)

// newHistory has the agent keep the events that requests read.
func newHistory(cfg Config) monitor.HistoryOut {
	return monitor.HistoryOut{Bytes: monitor.HistoryBytes(cfg.historyBytes())}
}

type decoderParams struct {
	cell.In

	Config  Config
	Getters flow.Getters             `optional:"true"`
	Opening []api.AgentNotifyMessage `group:"monitor-openings"`
}

// newDecoder returns what makes flows of events, for other cells, too.
func newDecoder(p decoderParams) (*flow.Decoder, error) {
	name, err := newNode(p.Config)
	if err != nil {
		return nil, err
	}
	getters := p.Getters
	if getters.Interfaces == nil {
		getters.Interfaces = flow.NewLocalInterfaces()
	}
	if getters.DenyRules == nil {
		getters.DenyRules = newDenyRules(p.Opening)
	}
	return flow.NewDecoder(flow.Options{NodeName: name.String(), Getters: getters}), nil
}

type params struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    Config
	Agent     *agent.Agent
	Decoder   *flow.Decoder
	Peers     PeerProvider       `optional:"true"`
	Logrus    logrus.FieldLogger `optional:"true"`
	Slog      *slog.Logger
	Health    cell.Health `optional:"true"`

	Registerer prometheus.Registerer `optional:"true"`
}

// serve serves the API from start to stop.
func serve(p params) error {
	if err := p.Config.validate(); err != nil {
		return err
	}
	if !p.Config.serves() {
		return nil
	}
	name, err := newNode(p.Config)
	if err != nil {
		return err
	}
	log := hivelog.New(p.Logrus, p.Slog, "hubble")
	peers := p.Peers
	if peers == nil {
		if peers, err = configuredPeers(p.Config, log); err != nil {
			return err
		}
	}
	counted := metrics.New()
	if p.Registerer != nil {
		p.Lifecycle.Append(registration{p.Registerer, counted})
	}
	p.Lifecycle.Append(&server{
		cfg: p.Config,
		observer: &observer{
			agent:    p.Agent,
			decoder:  &sharedDecoder{decoder: p.Decoder},
			node:     name,
			capacity: p.Config.HubbleEventBufferCapacity,
			started:  time.Now(),
			own:      newOwnAddresses(),
			metrics:  counted,
		},
		peers:  &peerService{provider: peers, node: name, tls: p.Config.tls()},
		log:    log,
		health: health.OrNone(p.Health),
	})
	return nil
}

// registration has metrics in a registry from start to stop.
type registration struct {
	registerer prometheus.Registerer
	metrics    *metrics.Metrics
}

// Start implements cell.HookInterface.
func (r registration) Start(cell.HookContext) error {
	if err := r.registerer.Register(r.metrics); err != nil {
		return fmt.Errorf("register the metrics of Hubble's API: %w", err)
	}
	return nil
}

// Stop implements cell.HookInterface.
func (r registration) Stop(cell.HookContext) error {
	r.registerer.Unregister(r.metrics)
	return nil
}

// configuredPeers returns the peers that the flags say, nil if they say none.
func configuredPeers(cfg Config, log logrus.FieldLogger) (PeerProvider, error) {
	switch {
	case len(cfg.HubblePeers) > 0:
		peers, err := parsePeers(cfg.HubblePeers)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flagPeers, err)
		}
		return peers, nil
	case cfg.HubblePeersFile != "":
		file := filePeers{path: cfg.HubblePeersFile, log: log}
		if _, err := file.read(); err != nil {
			return nil, fmt.Errorf("--%s=%s: %w", flagPeersFile, cfg.HubblePeersFile, err)
		}
		return file, nil
	default:
		return nil, nil
	}
}
