// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/job"
	"github.com/cilium/hive/shell"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

func TestStatus(t *testing.T) {
	a := startAgent(t)
	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	w.waitStderr("Connected to the agent")

	p := run(t, "status", "--shell-sock-path", a.shell)
	p.waitExit(0)
	require.Empty(t, p.stderr.String())
	require.Regexp(t, `(?m)^Events map: +`+a.eventsMap+`$`, p.stdout.String())
	require.Regexp(t, `(?m)^Reader: +not attached`, p.stdout.String())
	require.Regexp(t, `(?m)^Rate: +0 events/s, `, p.stdout.String())
	require.Regexp(t, fmt.Sprintf(`(?m)^client +monitor watch +1.3 +%d +0 +\d+s +0 +0 +0$`, w.Process.Pid), p.stdout.String())
	require.Regexp(t, `(?m)^monitor-server.server +OK +Serving the monitor API 1.2 on `+a.socket+`$`, p.stdout.String())
	require.Regexp(t, `(?m)^monitor-agent.datapath +Degraded +Waiting for the datapath: it is not ready yet$`, p.stdout.String())
	require.Regexp(t, `(?m)^shell +OK +Serving the shell on `+a.shell+`$`, p.stdout.String())
}

// TestStatusJSON reads the status as a script does.
func TestStatusJSON(t *testing.T) {
	a := startAgent(t)
	p := run(t, "status", "--shell-sock-path", a.shell, "-o", "json")
	p.waitExit(0)
	var stats agent.Stats
	require.NoError(t, json.Unmarshal([]byte(p.stdout.String()), &stats))
	require.Equal(t, a.eventsMap, stats.EventsMap)

	run(t, "status", "--shell-sock-path", a.shell, "-o", "yaml").requireFailure(exitUsage, `"yaml"`, "--output", "text or json")
}

// TestStatusOfOtherProgram asks an agent inside another program, whose shell has no command health.
func TestStatusOfOtherProgram(t *testing.T) {
	requireRoot(t)
	shellSocket := testutils.SocketPath(t)
	h := hive.New(monitor.Cell, cell.SimpleHealthCell, job.Cell, shell.ServerCell(shellSocket))
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	h.RegisterFlags(flags)
	require.NoError(t, flags.Parse([]string{"--monitor-socket-path", testutils.SocketPath(t)}))
	log := slog.New(slog.DiscardHandler)
	require.NoError(t, h.Start(log, t.Context()))
	defer func() { require.NoError(t, h.Stop(log, context.Background())) }()
	waitUntil(t, func() bool { return reachShell(shellSocket) == nil })

	p := run(t, "status", "--shell-sock-path", shellSocket)
	p.waitExit(0)
	require.Empty(t, p.stderr.String())
	require.Contains(t, p.stdout.String(), "Subscribers: ")
	require.NotContains(t, p.stdout.String(), "HEALTH")
}
