// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/hivetest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
)

// newKernelDropsHive returns a hive of the cell, and where it leaves the agent.
func newKernelDropsHive(t *testing.T, registry prometheus.Registerer, args ...string) (*hive.Hive, **agent.Agent) {
	t.Helper()
	var a *agent.Agent
	h := hive.New(
		monitor.AgentCell,
		KernelDropsCell,
		cell.Provide(func() prometheus.Registerer { return registry }),
		cell.Invoke(func(of *agent.Agent) { a = of }),
	)
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	require.NoError(t, flags.Parse(args))
	return h, &a
}

// TestKernelDropsCell has the agent read the events, and the metrics there, from start to stop.
func TestKernelDropsCell(t *testing.T) {
	ns := newNamespace(t)
	for _, args := range [][]string{nil, {"--kernel-drops"}} {
		registry := prometheus.NewPedanticRegistry()
		h, a := newKernelDropsHive(t, registry, args...)
		log := hivetest.Logger(t)
		ns.Do(func() error { return h.Start(log, t.Context()) })

		var sources []string
		for _, s := range (*a).Stats().Sources {
			sources = append(sources, s.Name)
		}
		has := func(metric string) bool {
			families, err := registry.Gather()
			require.NoError(t, err)
			for _, f := range families {
				if f.GetName() == metric {
					return true
				}
			}
			return false
		}
		const metric = "cilium_monitor_kernel_drops_total"
		if len(args) == 0 {
			require.Empty(t, sources)
			require.False(t, has(metric))
		} else {
			require.Equal(t, []string{KernelDropsSource}, sources)
			require.True(t, has(metric))
		}
		require.NoError(t, h.Stop(log, t.Context()))
		require.False(t, has(metric))
	}
}

func TestKernelDropsCellRefuses(t *testing.T) {
	h, _ := newKernelDropsHive(t, prometheus.NewPedanticRegistry(), "--kernel-drops-all")
	require.ErrorContains(t, h.Start(hivetest.Logger(t), t.Context()), "--kernel-drops-all needs --kernel-drops")
}
