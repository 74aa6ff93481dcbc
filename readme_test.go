// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

const example = "example"

// TestReadmeHasTheProgram keeps the program in the README the one that TestReadmeProgram runs.
func TestReadmeHasTheProgram(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, file := range []string{"main.go", "drops.go"} {
		source, err := os.ReadFile(filepath.Join(example, file))
		require.NoError(t, err)
		_, program, found := strings.Cut(string(source), "\npackage main\n")
		require.True(t, found)
		require.Contains(t, string(readme), "```go\npackage main\n"+program+"```\n",
			"README.md does not have %s, from \"package main\" to the end", file)
	}
}

// TestReadmeProgram builds the program of the README and runs it: a client sees what the datapath
// drops, and what the program says of that.
func TestReadmeProgram(t *testing.T) {
	requireRoot(t)
	binary := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = example
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	socket, eventsMap := testutils.SocketPath(t), testutils.EventsMapPath(t)
	datapath := testutils.NewFakeDatapath(t, eventsMap)
	require.NoError(t, datapath.BecomeReady())
	program := exec.Command(binary)
	program.Env = append(os.Environ(), "MONITOR_SOCKET_PATH="+socket, "MONITOR_EVENTS_MAP="+eventsMap)
	require.NoError(t, program.Start())
	t.Cleanup(func() {
		// Not by a signal: there is a moment in which hive does not heed it yet.
		require.NoError(t, program.Process.Kill())
		require.Error(t, program.Wait())
	})
	var client *testutils.Client
	require.Eventually(t, func() bool {
		client, err = testutils.Connect(t.Context(), socket)
		return err == nil
	}, patience, tick)

	drop := api.DropNotify{Type: api.MessageTypeDrop, SubType: 133}
	require.Eventually(t, func() bool {
		counters, err := datapath.EmitSample(drop.Append(nil), 1)
		return err == nil && counters.Written == 1
	}, patience, tick, "the program does not read the events map")
	require.NoError(t, client.WaitFor(t.Context(), 2), "the drop, and that it is the first one")
	require.NoError(t, client.Close())
}
