// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"testing"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
	"github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
)

// TestServerHealth has the process run out of file descriptors when a client connects: the
// server says so, and accepts the client as soon as it can.
func TestServerHealth(t *testing.T) {
	log, lines := test.NewNullLogger()
	log.SetLevel(logrus.WarnLevel)
	f := start(t, agent.WithLogger(log))
	health, root := cell.NewSimpleHealth()
	requireLevel := func(level cell.Level, status string) {
		t.Helper()
		eventually(t, func() bool {
			root.Lock()
			defer root.Unlock()
			return root.Level == level && root.Status == status
		}, "the health is %s: %s", level, status)
	}
	socket := f.socket + "2"
	require.NoError(t, agent.ServeMonitorAPI(f.Agent, agent.WithSocketPath(socket), agent.WithServerHealth(health)))
	requireLevel(cell.StatusOK, "Serving the monitor API 1.2 on "+socket)

	client, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(client)
	restore := exhaustDescriptors(t)
	require.NoError(t, unix.Connect(client, &unix.SockaddrUnix{Name: socket}))
	requireLevel(cell.StatusDegraded, "Accepting connections to the monitor API failed")
	require.NotZero(t, f.Stats().AcceptErrors)
	// Nobody spins: it is tried again at intervals, and one line is enough for a minute.
	since := time.Now()
	before := f.Stats().AcceptErrors
	eventually(t, func() bool { return f.Stats().AcceptErrors >= before+3 }, "accepting is tried again")
	require.LessOrEqual(t, f.Stats().AcceptErrors, before+2+uint64(time.Since(since)/(100*time.Millisecond)))
	require.Len(t, lines.AllEntries(), 1)
	restore()
	requireLevel(cell.StatusOK, "Serving the monitor API 1.2 on "+socket)
	eventually(t, func() bool { return len(f.Stats().Clients) == 1 }, "the client that waited is served")

	f.stop()
	requireLevel(cell.StatusStopped, "The agent is stopped")
}
