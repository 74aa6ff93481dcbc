// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cilium/hive/shell"
	"github.com/spf13/cobra"
)

func newStatusCommand() *cobra.Command {
	var cfg shell.Config
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the agent reads, who listens, and who loses events",
		Example: `
monitor status
watch -n1 monitor status          see the counters move`,
		Long: `Datapath lost: events that the agent read too slowly: --monitor-buffer-pages.
LOST of a client: events that the client read too slowly: --monitor-queue-size.
LAG of a client: events that it has not read yet.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeStatus(cmd.OutOrStdout(), cfg)
		},
	}
	cmd.Flags().StringVar(&cfg.ShellSockPath, shell.ShellSockPathName, defaultShellSocket, "`PATH` of the agent's shell socket")
	return cmd
}

func writeStatus(w io.Writer, cfg shell.Config) error {
	if err := reachShell(cfg.ShellSockPath); err != nil {
		return err
	}
	var status, health strings.Builder
	if err := shell.ShellExchange(cfg, &status, "monitor/status"); err != nil {
		return fmt.Errorf("ask the agent for its status: %w", err)
	}
	if err := shell.ShellExchange(cfg, &health, "health"); err != nil {
		return fmt.Errorf("ask the agent for its health: %w", err)
	}
	fmt.Fprintln(w, strings.TrimSpace(status.String()))
	fmt.Fprintln(w)
	return writeHealth(w, health.String())
}

// healthLine is what hive's script command "health" prints for each scope.
var healthLine = regexp.MustCompile(`^(.*?): level=(\w*) message=(.*) error=(.*)$`)

// shellConnections begins the scopes of connections to the shell, such as our own.
const shellConnections = "shell.job-shell-"

// writeHealth writes a table of the scopes that have reported something.
func writeHealth(w io.Writer, health string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "PART\tHEALTH\n")
	for _, line := range slices.Sorted(strings.Lines(health)) {
		m := healthLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || m[2] == "" || strings.HasPrefix(m[1], shellConnections) {
			continue
		}
		scope, level, message, err := m[1], m[2], m[3], m[4]
		if err != "" {
			message += ": " + err
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\n", scope, level, message)
	}
	return tw.Flush()
}
