// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// extensionConfig is the configuration of a cell that another binary has.
type extensionConfig struct{ ExtensionPath string }

// Flags implements cell.Flagger.
func (extensionConfig) Flags(flags *pflag.FlagSet) { flags.String("extension-path", "", "Where it is") }

// TestExtension runs the agent with a cell of another binary: its flags are a group of the help, before that about the
// process, and their values come to the cell.
func TestExtension(t *testing.T) {
	var got string
	extension := Extension{
		Title: "What is added",
		Flags: []string{"extension-path"},
		Files: []string{"extension-path"},
		Cell: cell.Group(
			cell.Config(extensionConfig{}),
			cell.Invoke(func(cfg extensionConfig) { got = cfg.ExtensionPath }),
		),
	}
	var out bytes.Buffer
	run := func(args ...string) error {
		out.Reset()
		root := newCommand(extension)
		root.SetOut(&out)
		root.SetArgs(args)
		return root.Execute()
	}
	require.NoError(t, run("agent", "--help"))
	require.Regexp(t, `(?s)Whom it serves:.*What is added:\n +--extension-path string +Where it is\n.*This process:`, out.String())
	require.NoError(t, run("__complete", "agent", "--extension-path", ""))
	require.Contains(t, out.String(), ":0\n", "files are completed")

	_ = run("agent", "--check", "--extension-path", "/somewhere") // whether it would run depends on the machine
	require.Equal(t, "/somewhere", got)
}
