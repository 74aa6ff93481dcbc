// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// ServerCell serves the monitor API 1.2 on a unix socket, for the *agent.Agent that it takes
// from the object graph: that of [AgentCell], or one that a cell of yours provides. It serves
// until that agent's context is cancelled, which a stop hook of that cell had better do.
var ServerCell = cell.Module(
	"monitor-server",
	"Serves the monitor API on a unix socket",

	cell.Config(defaultServerConfig),
	cell.Invoke(serve),
)

type serveParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    ServerConfig
	Agent     *agent.Agent
	Health    cell.Health              `optional:"true"`
	Opening   []api.AgentNotifyMessage `group:"monitor-openings"`
}

// OpeningOut is what a constructor returns to have each connection to the socket begin with agent
// notifications: what clients have to know before any event, see [agent.WithOpening].
type OpeningOut struct {
	cell.Out

	Messages []api.AgentNotifyMessage `group:"monitor-openings,flatten"`
}

// serve serves the monitor API from start on. It ends with the agent.
func serve(p serveParams) error {
	if err := p.Config.validate(); err != nil {
		return err
	}
	opts := []agent.ServerOption{
		agent.WithSocketPath(p.Config.MonitorSocketPath),
		agent.WithMaxClients(p.Config.MonitorMaxClients),
		agent.WithOpening(p.Opening...),
	}
	if p.Health != nil {
		health := p.Health.NewScope("server")
		opts = append(opts, agent.WithServerHealth(health))
		if !p.Config.EnableMonitor {
			health.Stopped("Not served: --" + flagEnable + "=false")
		}
	}
	if !p.Config.EnableMonitor {
		return nil
	}
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error { return agent.ServeMonitorAPI(p.Agent, opts...) },
	})
	return nil
}
