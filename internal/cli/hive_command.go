// SPDX-License-Identifier: Apache-2.0

//go:build !dotgraph

package cli

import (
	"log/slog"

	"github.com/cilium/hive"
	"github.com/spf13/cobra"
)

// newHiveCommand returns the command that shows what the agent is made of. It is hive's without dot-graph, which is there with the
// build tag dotgraph: go run -tags dotgraph ./cmd/monitor hive dot-graph. The graph is drawn by package text/template, which calls
// methods by names that only it knows. Where it is reachable, the linker keeps every exported method of every type.
func newHiveCommand(h *hive.Hive) *cobra.Command {
	cmd := &cobra.Command{
		Use: "hive",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return h.PrintObjects(cmd.OutOrStdout(), slog.Default())
		},
	}
	h.RegisterFlags(cmd.PersistentFlags())
	return cmd
}
