// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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

// TestReadmeProgram builds the program of the README and runs it: it serves the monitor API.
func TestReadmeProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "example")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = example
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	socket := testutils.SocketPath(t)
	program := exec.CommandContext(t.Context(), binary)
	program.Env = append(os.Environ(), "MONITOR_SOCKET_PATH="+socket, "MONITOR_EVENTS_MAP="+testutils.EventsMapPath(t))
	require.NoError(t, program.Start())
	require.Eventually(t, func() bool {
		client, err := testutils.Connect(t.Context(), socket)
		return err == nil && client.Close() == nil
	}, patience, tick)

	// Not by a signal: there is a moment in which hive does not heed it yet.
	require.NoError(t, program.Process.Kill())
	require.Error(t, program.Wait())
}
