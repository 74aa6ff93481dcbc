// SPDX-License-Identifier: Apache-2.0

// Package commands has the script commands of the monitor: for hive's shell, where a person
// types them, and for script tests.
package commands

import (
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// Params are what the commands need.
type Params struct {
	cell.In

	Agent   *agent.Agent
	Opening []api.AgentNotifyMessage `group:"monitor-openings"` // what clients get before any event
}

// New returns the commands that show and use an agent.
func New(p Params) hive.ScriptCmdsOut {
	a := p.Agent
	return hive.NewScriptCmds(map[string]script.Cmd{
		"monitor/status":      status(a),
		"monitor/subscribers": subscribers(a),
		"monitor/send":        send(a),
		"monitor/watch":       watch(a, p.Opening),
	})
}
