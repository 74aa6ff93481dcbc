// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/health"
)

// Cell runs the datapath on the devices that --device names from start to stop,
// and provides monitor.DatapathReady and monitor.DatapathCheck. It takes monitor.AgentConfig from the graph, and a
// prometheus.Registerer if there is one, for the metrics of the devices.
//
// With no device it loads and attaches nothing, and the DatapathReady waits until
// some other datapath has pinned its events map.
var Cell = cell.Module(
	"datapath",
	"Embedded datapath",

	cell.Config(defaultConfig),
	cell.Provide(newDatapath, newOpening),
	cell.Invoke(func(monitor.DatapathReady) {}),
)

const (
	flagDevice = "device"
	flagDeny   = "deny"
	flagEvents = "datapath-events"

	flagRateLimit     = "events-rate-limit"
	flagBurst         = "events-burst"
	flagAggregation   = "trace-aggregation"
	flagTraceInterval = "trace-interval"
)

// What [Config.DatapathEvents] can be.
const (
	EventsPerf    = "perf"
	EventsRingbuf = "ringbuf"
)

// Config is the configuration of the datapath.
type Config struct {
	// Device are the names of the devices to attach to, and patterns, see [IsDevicePattern].
	Device []string

	// Deny are the rules for the packets to drop, for [ParseRule].
	Deny []string

	// DatapathEvents is what events are written to: [EventsPerf], a perf event array, or
	// [EventsRingbuf], a ring buffer of [DefaultRingBufferSize].
	DatapathEvents string

	// EventsRateLimit and EventsBurst are how many events are made, for [ParseRateLimits].
	EventsRateLimit string
	EventsBurst     string

	// TraceAggregation is whether traces are aggregated: [AggregationNone] or [AggregationFlow]. TraceInterval is how
	// often a flow is traced that has nothing new.
	TraceAggregation string
	TraceInterval    time.Duration
}

var defaultConfig = Config{DatapathEvents: EventsPerf, TraceAggregation: AggregationNone, TraceInterval: DefaultTraceInterval}

// Flags implements cell.Flagger.
func (def Config) Flags(flags *pflag.FlagSet) {
	flags.StringSlice(flagDevice, def.Device,
		"Network devices to attach the embedded datapath to, by name or pattern (veth*), or all: also those that come later (none: no embedded datapath)")
	flags.StringSlice(flagDeny, def.Deny,
		fmt.Sprintf("Packets that the embedded datapath drops, as [PROTO][/PORT][@CIDR]: udp/9999, tcp/80@10.0.0.0/8, icmp@fd00::/64, @192.0.2.7; at most %d. "+
			"No rule drops neighbour discovery, MLD and the like (RFC 4890), and icmp no errors, such as packet too big. "+
			"Later fragments have no ports: they pass", MaxRules))
	flags.String(flagEvents, def.DatapathEvents,
		"What the embedded datapath writes its events to: perf, a perf ring buffer for each CPU, or ringbuf, a BPF ring buffer for all")
	flags.String(flagRateLimit, def.EventsRateLimit,
		"How many events a second the embedded datapath makes at most, on all CPUs in sum: a number for each message type, TYPE=NUMBER for one, "+
			"or several of these: 1000, trace=1000,drop=5000. What it suppresses is counted, and told as lost (none: no limit)")
	flags.String(flagBurst, def.EventsBurst,
		"How many of these it makes at once after a while with fewer, in the same form (none: as many as in a second)")
	flags.String(flagAggregation, def.TraceAggregation,
		"Which packets the embedded datapath traces: none, all of them, or flow, of each flow the first one, those with SYN, FIN, RST or "+
			"other TCP flags than before, and one per --"+flagTraceInterval)
	flags.Duration(flagTraceInterval, def.TraceInterval,
		"How often --"+flagAggregation+"=flow traces a flow that has nothing new")
}

// suppression parses and checks what the datapath is to suppress.
func (cfg Config) suppression() (limits RateLimits, traceInterval time.Duration, err error) {
	if limits, err = ParseRateLimits(cfg.EventsRateLimit, cfg.EventsBurst); err != nil {
		return nil, 0, err
	}
	if traceInterval, err = cfg.traceInterval(); err != nil {
		return nil, 0, err
	}
	flag := ""
	switch {
	case len(cfg.Device) > 0:
	case len(limits) > 0:
		flag = flagRateLimit
	case traceInterval > 0:
		flag = flagAggregation
	}
	if flag != "" {
		return nil, 0, fmt.Errorf("--%s needs --%s: it is about what the embedded datapath makes", flag, flagDevice)
	}
	return limits, traceInterval, nil
}

// ringBufferSize parses --datapath-events. It returns 0 for a perf event array.
func (cfg Config) ringBufferSize() (int, error) {
	switch cfg.DatapathEvents {
	case EventsPerf, "":
		return 0, nil
	case EventsRingbuf:
		return DefaultRingBufferSize(), nil
	default:
		return 0, fmt.Errorf("--%s=%s: allowed are %s and %s", flagEvents, cfg.DatapathEvents, EventsPerf, EventsRingbuf)
	}
}

// rules parses and checks --deny.
func (cfg Config) rules() ([]Rule, error) {
	if len(cfg.Deny) > 0 && len(cfg.Device) == 0 {
		return nil, fmt.Errorf("--%s needs --%s: the rules are those of the embedded datapath", flagDeny, flagDevice)
	}
	if len(cfg.Deny) > MaxRules {
		return nil, fmt.Errorf("--%s has %d rules, at most %d are possible", flagDeny, len(cfg.Deny), MaxRules)
	}
	var rules []Rule
	for _, text := range cfg.Deny {
		rule, err := ParseRule(text)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", flagDeny, err)
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

type params struct {
	cell.In

	Lifecycle cell.Lifecycle
	Log       *slog.Logger
	Health    cell.Health `optional:"true"`
	Config    Config
	Monitor   monitor.AgentConfig

	Registerer prometheus.Registerer `optional:"true"`
}

// newDatapath returns functions that tell of the datapath; no check if it is none of this cell's.
func newDatapath(p params) (monitor.DatapathReady, monitor.DatapathCheck, error) {
	rules, err := p.Config.rules()
	if err != nil {
		return nil, nil, err
	}
	ringBufferSize, err := p.Config.ringBufferSize()
	if err != nil {
		return nil, nil, err
	}
	limits, traceInterval, err := p.Config.suppression()
	if err != nil {
		return nil, nil, err
	}
	path := p.Monitor.MonitorEventsMap
	if len(p.Config.Device) == 0 {
		return func(ctx context.Context) error { return AwaitPin(ctx, path) }, nil, nil
	}
	r := &runner{
		log:    p.Log,
		health: health.OrNone(p.Health).NewScope("devices"),
		opts: Options{
			Devices: p.Config.Device, Deny: rules, EventsMap: path, RingBufferSize: ringBufferSize,
			RateLimits: limits, TraceInterval: traceInterval,
		},
		running:    make(chan struct{}),
		registerer: p.Registerer,
	}
	p.Lifecycle.Append(r)
	return r.ready, r.check, nil
}

// newOpening has clients told the rules that policy verdicts have the numbers of.
func newOpening(cfg Config) (monitor.OpeningOut, error) {
	rules, err := cfg.rules()
	if err != nil || len(rules) == 0 {
		return monitor.OpeningOut{}, err
	}
	var texts []string
	for _, rule := range rules {
		texts = append(texts, rule.String())
	}
	return monitor.OpeningOut{Messages: []api.AgentNotifyMessage{api.DenyRulesNotice(texts)}}, nil
}
