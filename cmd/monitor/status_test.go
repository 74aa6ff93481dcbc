// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
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
	require.Regexp(t, fmt.Sprintf(`(?m)^client +\S+ +1.2 +%d +0 +\d+s +0 +0 +0$`, w.Process.Pid), p.stdout.String())
	require.Regexp(t, `(?m)^monitor-server.server +OK +Serving the monitor API 1.2 on `+a.socket+`$`, p.stdout.String())
	require.Regexp(t, `(?m)^monitor-agent.datapath +Degraded +Waiting for the datapath$`, p.stdout.String())
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

	run(t, "status", "--shell-sock-path", a.shell, "-o", "yaml").requireFailure(exitUsage, "--output yaml", "text or json")
}
