// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"fmt"
	"log/slog"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/flow"
	"github.com/cilium/monitor/internal/buildinfo"
	"github.com/cilium/monitor/internal/hivelog"
)

// Names of the flags.
const (
	flagEndpoint  = "hubble-otlp-endpoint"
	flagProtocol  = "hubble-otlp-protocol"
	flagAllowlist = "hubble-otlp-allowlist"
	flagDenylist  = "hubble-otlp-denylist"
)

// Flags are the names of the flags, in the order of a help.
var Flags = []string{flagEndpoint, flagProtocol, flagAllowlist, flagDenylist}

// Cell sends flows to a collector if it is told which, as long as the hive runs. It takes the agent, and the decoder of
// hubble.Cell.
var Cell = cell.Module(
	"hubble-otlp",
	"Sends flows to an OpenTelemetry collector",

	cell.Config(Config{}),
	cell.Invoke(exportFlows),
)

// Config is the configuration of [Cell]. Every field is a flag, an environment variable and a key of the configuration file,
// by hive's rules.
type Config struct {
	// HubbleOtlpEndpoint and HubbleOtlpProtocol are those of [Options]; nothing is sent if there is no endpoint.
	HubbleOtlpEndpoint string
	HubbleOtlpProtocol string

	// HubbleOtlpAllowlist and HubbleOtlpDenylist are the lists of [export.NewFilter].
	HubbleOtlpAllowlist string
	HubbleOtlpDenylist  string
}

// Flags implements cell.Flagger.
func (def Config) Flags(flags *pflag.FlagSet) {
	flags.String(flagEndpoint, def.HubbleOtlpEndpoint,
		"OpenTelemetry collector to send flows to, by OTLP: `http[s]://HOST:PORT`")
	flags.String(flagProtocol, def.HubbleOtlpProtocol,
		"`PROTOCOL` of OTLP: "+ProtocolGRPC+" or "+ProtocolHTTP+" (default that of $OTEL_EXPORTER_OTLP_PROTOCOL, or "+ProtocolGRPC+")")
	flags.String(flagAllowlist, def.HubbleOtlpAllowlist,
		"Flows to send, as `FILTERS` of Hubble's API in JSON, such as '{\"verdict\":[\"DROPPED\"]}'; {}: all flows (default drops and policy verdicts)")
	flags.String(flagDenylist, def.HubbleOtlpDenylist,
		"Flows of these not to send, as `FILTERS`, too")
}

type params struct {
	cell.In

	Lifecycle  cell.Lifecycle
	Config     Config
	Agent      *agent.Agent
	Decoder    *flow.Decoder
	Logrus     logrus.FieldLogger `optional:"true"`
	Slog       *slog.Logger
	Registerer prometheus.Registerer `optional:"true"`
}

// exportFlows has flows sent to a collector if there is one.
func exportFlows(p params) error {
	if p.Config.HubbleOtlpEndpoint == "" {
		return nil
	}
	const name = "hubble-otlp"
	opts := Options{
		Endpoint: p.Config.HubbleOtlpEndpoint, Protocol: p.Config.HubbleOtlpProtocol,
		Version: buildinfo.Read().Version, Log: hivelog.New(p.Logrus, p.Slog, name),
	}
	if err := opts.validate(); err != nil {
		return fmt.Errorf("--%s, --%s: %w", flagEndpoint, flagProtocol, err)
	}
	wanted, err := export.NewFilter(p.Config.HubbleOtlpAllowlist, p.Config.HubbleOtlpDenylist)
	if err != nil {
		return fmt.Errorf("--%s, --%s: %w", flagAllowlist, flagDenylist, err)
	}
	var exporter *Exporter
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) (err error) {
			exporter, err = Start(export.Options{
				Name: name, Agent: p.Agent, Decoder: p.Decoder, Filter: wanted, NodeName: p.Decoder.NodeName(),
			}, opts)
			return err
		},
		OnStop: func(ctx cell.HookContext) error { return exporter.Stop(ctx) },
	})
	if p.Registerer != nil {
		p.Lifecycle.Append(export.Metrics(p.Registerer, name, func() export.Stats { return exporter.Stats() }))
	}
	return nil
}
