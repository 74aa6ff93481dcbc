// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"fmt"
	"log/slog"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/internal/hivelog"
	"github.com/cilium/monitor/internal/unixsocket"
)

// ServerCell serves the monitor API 1.2 and 1.3 on unix sockets, for the *agent.Agent that it takes
// from the object graph: that of [AgentCell], or one that a cell of yours provides. It serves
// until that agent's context is cancelled, which a stop hook of that cell had better do.
var ServerCell = cell.Module(
	"monitor-server",
	"Serves the monitor API on unix sockets",

	cell.Config(defaultServerConfig),
	cell.Invoke(serve),
)

type serveParams struct {
	cell.In

	Lifecycle cell.Lifecycle
	Config    ServerConfig
	Agent     *agent.Agent
	Slog      *slog.Logger
	Logrus    logrus.FieldLogger       `optional:"true"`
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
	if !p.Config.EnableMonitor {
		if p.Health != nil {
			p.Health.NewScope("server").Stopped("Not served: --" + flagEnable + "=false")
		}
		return nil
	}
	path := p.Config.MonitorSocketPath
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error { return agent.ServeMonitorAPI(p.Agent, p.options("server", path)...) },
	})
	p.serveSessions(session.SocketPath(path))
	return nil
}

// serveSessions serves the API 1.3 from start on, unless the socket can't have that path.
func (p serveParams) serveSessions(path string) {
	const scope = "server-1.3"
	if n := len(path); n > unixsocket.MaxPath {
		if p.Health != nil {
			p.Health.NewScope(scope).Stopped(fmt.Sprintf("Not served: %s has %d bytes, a unix socket's path at most %d", path, n, unixsocket.MaxPath))
		}
		return
	}
	names := &names{}
	p.Lifecycle.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			if err := names.open(); err != nil {
				hivelog.New(p.Logrus, p.Slog, "monitor-agent").WithError(err).Warn("Clients get the names of network interfaces all the same, asked for every second")
			}
			opts := append(p.options(scope, path), agent.WithDictionary(names.dictionary), agent.WithProgram(program()))
			return agent.ServeSessions(p.Agent, opts...)
		},
		OnStop: func(cell.HookContext) error { return names.close() },
	})
}

// options are those of the server at path, which reports its health in a scope of that name.
func (p serveParams) options(scope, path string) []agent.ServerOption {
	opts := []agent.ServerOption{
		agent.WithSocketPath(path),
		agent.WithMaxClients(p.Config.MonitorMaxClients),
		agent.WithOpening(p.Opening...),
	}
	if p.Health != nil {
		opts = append(opts, agent.WithServerHealth(p.Health.NewScope(scope)))
	}
	return opts
}
