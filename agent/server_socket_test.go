// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net"
	"os"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
)

// TestSocketRemoved removes the file of the socket, and puts something else in its place: the
// agent is reached again as soon as it can be, says so as long as it can't, and removes nothing that is
// not its own.
func TestSocketRemoved(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := start(t)
	path := f.socket + "2"
	require.NoError(t, agent.ServeMonitorAPI(f.Agent, agent.WithSocketPath(path), agent.WithServerHealth(health)))
	status := func() (cell.Level, string) {
		root.Lock()
		defer root.Unlock()
		return root.Level, root.Status
	}
	serves := func() bool {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	old, err := net.Dial("unix", path)
	require.NoError(t, err)
	c := newClient(old.(*net.UnixConn))
	c.read(t)
	eventually(t, func() bool { return len(f.Stats().Clients) == 1 }, "the client is connected")

	require.NoError(t, os.Remove(path))
	eventually(t, serves, "another socket is there")

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("important"), 0o600))
	eventually(t, func() bool { level, _ := status(); return level == cell.StatusDegraded }, "the health says so")
	_, text := status()
	require.Contains(t, text, "not at its path")
	require.FileExists(t, path)
	require.NoError(t, os.Remove(path))
	eventually(t, serves, "another socket is there")
	eventually(t, func() bool { level, _ := status(); return level == cell.StatusOK }, "the health is well")

	require.NoError(t, f.SendEvent(200, "hello"))
	eventually(t, func() bool { return c.delivered() == 1 }, "who was connected is all the time")

	// Another agent serves there.
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Remove(path+".lock"))
	other, err := net.Listen("unix", path)
	require.NoError(t, err)
	eventually(t, func() bool { level, _ := status(); return level == cell.StatusDegraded }, "the health says so")
	f.stop()
	require.True(t, serves(), "the other one goes on")
	require.NoError(t, other.Close())
}
