// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"time"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/bpf"
)

// envPrefix is that of Cilium, whose users know CILIUM_MONITOR_QUEUE_SIZE.
const envPrefix = "CILIUM_"

// newHive returns the agent, and where its settings will be. Nothing in it is constructed
// before it runs.
func newHive(extensions ...Extension) (*hive.Hive, *settings) {
	var current settings
	opts := hive.DefaultOptions()
	opts.EnvPrefix = envPrefix
	opts.LogThreshold = time.Second
	opts.ModuleDecorators = cell.ModuleDecorators{
		func(health cell.Health, id cell.ModuleID) cell.Health {
			return inertHealth{health.NewScope(string(id))}
		},
	}
	h := hive.NewWithOptions(opts,
		cell.Config(logConfig{}),
		// In the order in which they start.
		cell.Decorate(newRootLogger,
			cell.Provide(newLogger, healthCommand),
			cell.SimpleHealthCell,

			bpf.Cell,
			monitor.Cell,
			bpf.KernelDropsCell,
			metricsCell,
			cellsOf(extensions),

			cell.Invoke(func(s settings) error {
				current = s
				return s.validate()
			}),
			cell.Invoke(logMissingDatapath),
			shellCell,
			cell.Invoke(notifySystemd),
		),
	)
	return h, &current
}

func healthCommand(health *cell.SimpleHealth) hive.ScriptCmdOut {
	return hive.NewScriptCmd("health", cell.SimpleHealthCmd(health))
}
