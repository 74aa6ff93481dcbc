// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

const readmeProgram = "testdata/readme/main.go"

// TestReadmeHasTheProgram keeps the program in the README the one that TestReadmeProgram runs.
func TestReadmeHasTheProgram(t *testing.T) {
	source, err := os.ReadFile(readmeProgram)
	require.NoError(t, err)
	_, program, found := strings.Cut(string(source), "\npackage main\n")
	require.True(t, found)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```go\npackage main\n"+program+"```\n",
		"README.md does not have %s, from \"package main\" to the end", readmeProgram)
}

// TestReadmeProgram builds the program of the README and runs it.
func TestReadmeProgram(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "readme")
	out, err := exec.Command("go", "build", "-o", binary, "./"+filepath.Dir(readmeProgram)).CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command("go", "vet", "./"+filepath.Dir(readmeProgram)).CombinedOutput()
	require.NoError(t, err, string(out))

	socket := testutils.SocketPath(t)
	program := exec.CommandContext(t.Context(), binary)
	program.Env = append(os.Environ(), "MONITOR_SOCKET_PATH="+socket)
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "agent: {Message hello}\n", line)
	client, err := testutils.Connect(t.Context(), socket)
	require.NoError(t, err, "the program serves the monitor API")
	require.NoError(t, client.Close())

	// Not by a signal: there is a moment in which hive does not heed it yet.
	require.NoError(t, program.Process.Kill())
	require.Error(t, program.Wait())
}
