// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/hivetest"
	"github.com/cilium/hive/script"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/commands"
)

// Commands provides script commands for tests of a hive that the monitor is part of:
//
//   - client/connect, client/disconnect, client/stall, client/resume, client/wait,
//     client/wait-end, client/events: clients of the monitor API;
//   - consumer/register, consumer/remove, consumer/wait, consumer/events: consumers
//     inside the process.
//
// "help -v client" in a script, and so for the others, says how they are used. Clients are
// closed at the end of the test.
func Commands(t testing.TB) cell.Cell {
	return cell.Module(
		"monitor-commands",
		"Script commands for tests of the monitor",

		cell.Provide(func(cfg monitor.ServerConfig, a *agent.Agent) hive.ScriptCmdsOut {
			cmds := clientCommands(t, cfg.MonitorSocketPath)
			maps.Copy(cmds, consumerCommands(a))
			return hive.NewScriptCmds(cmds)
		}),
	)
}

// NewEngine returns an engine that runs scripts on a hive of its own: monitor.Cell, the
// commands of [Commands], a health that the command health shows, and the cells given. The
// script starts and stops the hive with hive/start and hive/stop; if it leaves it
// running, the end of the test stops it. The socket and the events map are at paths that
// nobody else uses.
//
// args are flags of the hive. If they are refused, so is hive/start, and no
// other command of the hive is there.
//
// An engine is for one script:
//
//	scripttest.Test(t, ctx, func(t testing.TB, args []string) *script.Engine {
//		return testutils.NewEngine(t, args, yourCell)
//	}, nil, "testdata/*.txtar")
func NewEngine(t testing.TB, args []string, cells ...cell.Cell) *script.Engine {
	t.Helper()
	log := hivetest.Logger(t)
	h := hive.New(append([]cell.Cell{monitor.Cell, Commands(t), healthCell}, cells...)...)

	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	err := flags.Parse(append([]string{
		"--monitor-socket-path=" + SocketPath(t),
		"--monitor-events-map=" + EventsMapPath(t),
	}, args...))
	var cmds map[string]script.Cmd
	if err == nil {
		cmds, err = h.ScriptCommands(log)
	}
	if err != nil {
		cmds = map[string]script.Cmd{"hive/start": refusedStart(err)}
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), maxWait)
		defer cancel()
		if err := h.Stop(log, ctx); err != nil {
			t.Errorf("stop the hive: %v", err)
		}
	})
	maps.Copy(cmds, script.DefaultCmds())
	return &script.Engine{
		Cmds:          cmds,
		Conds:         script.DefaultConds(),
		RetryInterval: 10 * time.Millisecond,
	}
}

var healthCell = cell.Group(
	cell.SimpleHealthCell,
	cell.Provide(func(h *cell.SimpleHealth) hive.ScriptCmdOut {
		return hive.NewScriptCmd("health", cell.SimpleHealthCmd(h))
	}),
)

// refusedStart is the start of a hive that could not be made.
func refusedStart(err error) script.Cmd {
	usage := script.CmdUsage{Summary: "Say why the hive can't be started"}
	return commands.Command(usage, 0, 0, func(*script.State, []string) (string, error) { return "", err })
}
