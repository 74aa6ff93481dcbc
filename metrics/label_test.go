// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"context"
	"io"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/metrics"
)

// unopenable is a source that has no events.
type unopenable struct{ name string }

func (unopenable) Open() (source.Rings, error) { return nil, io.EOF }
func (unopenable) Close() error                { return nil }

// TestNames has sources and streams whose names differ in what a label cannot have. Each is in the
// metrics, and a scrape does not fail.
func TestNames(t *testing.T) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx, agent.WithLogger(log))
	defer func() { cancel(); <-a.Done() }()
	for _, name := range []string{"plain", "ünï", "a\xff", "a\xfe", "a?", `"a\xff"`} {
		require.NoError(t, a.AttachSource(name, unopenable{name}))
		a.Subscribe(ctx, name)
	}

	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(metrics.NewCollector(a)))
	families, err := registry.Gather()
	require.NoError(t, err)
	names := make(map[string][]string)
	for _, family := range families {
		for _, m := range family.Metric {
			for _, l := range m.Label {
				if l.GetName() == "name" {
					names[family.GetName()] = append(names[family.GetName()], l.GetValue())
				}
			}
		}
	}
	want := []string{"plain", "ünï", `"a\xff"`, `"a\xfe"`, "a?", `"\"a\\xff\""`}
	require.ElementsMatch(t, want, names["cilium_monitor_source_reading"])
	require.ElementsMatch(t, want, names["cilium_monitor_stream_lag_events"])
}
