// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
)

// What [Config.TraceAggregation] can be.
const (
	AggregationNone = "none"
	AggregationFlow = "flow"
)

// DefaultTraceInterval is that of --trace-interval, and of Cilium's monitor-aggregation-interval.
const DefaultTraceInterval = 5 * time.Second

// tracedFlows is how many flows are remembered if traces are aggregated. They take some 8 MiB.
const tracedFlows = 1 << 16

// setAggregation has the programs trace a flow at this interval, if that is not 0.
func setAggregation(spec *ebpf.CollectionSpec, interval time.Duration) error {
	if interval == 0 {
		return nil
	}
	if interval < 0 {
		return fmt.Errorf("a trace of each flow every %s", interval)
	}
	spec.Maps[hostMapTracedFlows].MaxEntries = tracedFlows
	return spec.Variables[hostVarTraceInterval].Set(uint64(interval))
}

// traceInterval parses --trace-aggregation and --trace-interval. It returns 0 if all packets are to be traced.
func (cfg Config) traceInterval() (time.Duration, error) {
	switch {
	case cfg.TraceAggregation == AggregationNone || cfg.TraceAggregation == "":
		return 0, nil
	case cfg.TraceAggregation != AggregationFlow:
		return 0, fmt.Errorf("--%s=%s: allowed are %s and %s", flagAggregation, cfg.TraceAggregation, AggregationNone, AggregationFlow)
	case cfg.TraceInterval <= 0:
		return 0, fmt.Errorf("--%s=%s: it has to be more than 0", flagTraceInterval, cfg.TraceInterval)
	default:
		return cfg.TraceInterval, nil
	}
}
