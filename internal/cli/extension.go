// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"github.com/cilium/hive/cell"
	"github.com/spf13/cobra"
)

// Extension is what the agent of another binary has beyond that of monitor.
type Extension struct {
	// Cell starts after the monitor, and stops before it.
	Cell cell.Cell

	// Title is that of the group of flags in the help, Flags are their names.
	Title string
	Flags []string

	// Files are those flags whose values are paths.
	Files []string
}

// cellsOf returns the cells of extensions.
func cellsOf(extensions []Extension) cell.Cell {
	cells := make([]cell.Cell, 0, len(extensions))
	for _, e := range extensions {
		cells = append(cells, e.Cell)
	}
	return cell.Group(cells...)
}

// groupsOf returns how the help groups the flags of the agent with extensions: the last group is about the process.
func groupsOf(extensions []Extension) []flagGroup {
	last := len(agentFlags) - 1
	groups := append([]flagGroup(nil), agentFlags[:last]...)
	for _, e := range extensions {
		groups = append(groups, flagGroup{e.Title, e.Flags})
	}
	return append(groups, agentFlags[last])
}

// completeExtensions has the values of the extensions' flags completed.
func completeExtensions(cmd *cobra.Command, extensions []Extension) {
	completions := map[string]cobra.CompletionFunc{}
	for _, e := range extensions {
		for _, flag := range e.Files {
			completions[flag] = completeFiles
		}
	}
	completeFlags(cmd, completions)
}
