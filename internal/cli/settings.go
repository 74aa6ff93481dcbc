// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net"

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
	Kernel   bpf.KernelDropsConfig
	Agent    monitor.AgentConfig
	Server   monitor.ServerConfig
	Metrics  metricsConfig
	Shell    shell.Config
}

// ownDatapath tells whether the agent runs the embedded datapath.
func (s *settings) ownDatapath() bool { return len(s.Datapath.Device) > 0 }

// validate refuses what can't work, and that the cells whose settings these are do not judge.
func (s *settings) validate() error {
	address := s.Metrics.MetricsAddress
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--%s=%s: %w", flagMetricsAddress, address, err)
	}
	return nil
}
