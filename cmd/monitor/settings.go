// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/shell"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/bpf"
)

// settings are what an agent does, by its flags, the environment and the configuration
// file. They are there once the hive is populated.
type settings struct {
	cell.In

	Datapath bpf.Config
	Agent    monitor.AgentConfig
	Server   monitor.ServerConfig
	Metrics  metricsConfig
	Shell    shell.Config
}

// ownDatapath tells whether the agent runs the embedded datapath.
func (s *settings) ownDatapath() bool { return len(s.Datapath.Device) > 0 }
