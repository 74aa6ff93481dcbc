// SPDX-License-Identifier: Apache-2.0

package export

import (
	"fmt"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics returns a hook that has the numbers of an export in a registry as long as a hive runs, with the export's name as
// label exporter:
//
//	cilium_monitor_hubble_export_events_total{exporter, outcome}
//
// The outcomes are those of [Stats]: exported, filtered, malformed, lost. The hook comes after the one that begins the export.
func Metrics(registerer prometheus.Registerer, name string, stats func() Stats) cell.HookInterface {
	c := &collector{stats: stats, desc: prometheus.NewDesc("cilium_monitor_hubble_export_events_total",
		"Events that came for an export, by what became of them: exported, filtered, malformed, lost.",
		[]string{"outcome"}, prometheus.Labels{"exporter": name})}
	return cell.Hook{
		OnStart: func(cell.HookContext) error {
			if err := registerer.Register(c); err != nil {
				return fmt.Errorf("register the metrics of %s: %w", name, err)
			}
			return nil
		},
		OnStop: func(cell.HookContext) error {
			registerer.Unregister(c)
			return nil
		},
	}
}

// collector collects the metrics of an export.
type collector struct {
	stats func() Stats
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) { descs <- c.desc }

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	s := c.stats()
	for _, m := range []struct {
		outcome string
		n       uint64
	}{{"exported", s.Exported}, {"filtered", s.Filtered}, {"malformed", s.Malformed}, {"lost", s.Lost}} {
		metrics <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(m.n), m.outcome)
	}
}
