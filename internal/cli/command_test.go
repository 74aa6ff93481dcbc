// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

func TestHive(t *testing.T) {
	p := run(t, "hive")
	p.waitExit(0)
	for _, part := range []string{"monitor.newAgent", "bpf.newDatapath", "Start hooks:"} {
		require.Contains(t, p.stdout.String(), part)
	}
}

// TestDotGraph builds the program with the graph of its cells.
func TestDotGraph(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "monitor")
	output, err := exec.Command("go", "build", "-tags", "dotgraph", "-o", binary, "../../cmd/monitor").CombinedOutput()
	require.NoError(t, err, "%s", output)
	graph, err := exec.Command(binary, "hive", "dot-graph").Output()
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(graph, []byte("digraph {")), "%s", graph)
}

// TestHelp shows that the help of each command has an example, all flags, and lines that fit.
func TestHelp(t *testing.T) {
	var commands func(*cobra.Command)
	commands = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			args := strings.Fields(cmd.CommandPath())[1:]
			p := run(t, append(args, "--help")...)
			p.waitExit(0)
			text := p.stdout.String()
			require.True(t, strings.HasPrefix(text, cmd.Short), text)
			require.Contains(t, text, "Usage: "+cmd.CommandPath())
			cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" && !f.Hidden {
					require.Contains(t, text, " --"+f.Name)
				}
			})
			for line := range strings.Lines(text) {
				require.LessOrEqual(t, len(line)-1, 80, line)
			}
		})
		for _, c := range cmd.Commands() {
			commands(c)
		}
	}
	commands(newCommand())

	p := run(t)
	p.waitExit(0)
	require.Contains(t, p.stdout.String(), "monitor COMMAND --help")
}

func TestUnknownCommand(t *testing.T) {
	p := run(t, "wathc")
	p.requireFailure(exitUsage, `"wathc"`, "did you mean watch?")
	p = run(t, "frobnicate")
	p.requireFailure(exitUsage, `"frobnicate"`, "monitor --help")
}
