// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cilium/hive/shell"
	"github.com/spf13/cobra"

	"github.com/cilium/monitor/internal/inert"
)

// rateTime is how long the rates that a person is shown are measured.
const rateTime = 500 * time.Millisecond

func newStatusCommand() *cobra.Command {
	output := outputText
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the agent reads, who listens, and who loses events",
		Example: `
monitor status
monitor status -o json | jq .lost      for scripts
watch -n1 monitor status               see the counters move`,
		Long: `Lost: "ring full" are events that the agent read too slowly (--monitor-buffer-pages
of monitor agent), "client behind" those that clients read too slowly
(--monitor-queue-size). DELIVERED, LOST and LAG of a client are events that it got, that it
was told it lost, and that it has not read yet.

` + shellSocketHelp + `
--output is ` + envPrefix + `STATUS_OUTPUT. A flag goes before the environment.

Exit code 0 says that the agent answers, whatever that is; see monitor --help.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := shellConfig(cmd)
			if err != nil {
				return err
			}
			if err := reachShell(cfg.ShellSockPath); err != nil {
				return err
			}
			if output == outputJSON {
				return writeAnswer(cmd.OutOrStdout(), cfg, "monitor/status -o json")
			}
			return writeStatus(cmd.OutOrStdout(), cfg)
		},
	}
	cmd.Flags().VarP(&output, "output", "o", "`FORMAT`: text for people, json for scripts (all that is counted)")
	addShellSocketFlags(cmd.Flags())
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"output":                completeOne(string(outputText), string(outputJSON)),
		flagSocket:              completeFiles,
		shell.ShellSockPathName: completeFiles,
	})
	return cmd
}

// writeAnswer writes what the agent's shell answers to a command.
func writeAnswer(w io.Writer, cfg shell.Config, command string) error {
	var answer strings.Builder
	if err := shell.ShellExchange(cfg, &answer, "%s", command); err != nil {
		return fmt.Errorf("ask the agent for its status: %w", err)
	}
	_, err := fmt.Fprintln(w, strings.TrimSpace(answer.String()))
	return err
}

func writeStatus(w io.Writer, cfg shell.Config) error {
	if err := writeAnswer(w, cfg, "monitor/status --over "+rateTime.String()); err != nil {
		return err
	}
	var health strings.Builder
	err := shell.ShellExchange(cfg, &health, "health")
	switch {
	case err != nil && strings.HasSuffix(err.Error(), "health: unknown command"):
		return nil // it is a command of this program's agent, which another program may not have
	case err != nil:
		return fmt.Errorf("ask the agent for its health: %w", err)
	}
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
		fmt.Fprintf(tw, "%s\t%s\t%s\n", inert.String(scope), level, inert.String(message))
	}
	return tw.Flush()
}
