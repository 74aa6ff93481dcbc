// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/cilium/hive/shell"
	"github.com/spf13/cobra"

	"github.com/cilium/monitor/internal/fold"
	"github.com/cilium/monitor/internal/inert"
)

// rateTime is how long the rates that a person is shown are measured.
const rateTime = 500 * time.Millisecond

func newStatusCommand() *cobra.Command {
	output := outputText
	var probe bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the agent reads, who listens, and who loses events",
		Example: `
monitor status
monitor status -o json | jq .lost      for scripts
monitor status --probe                 for Kubernetes: is it well, or what is wrong
watch -n1 monitor status               see the counters move`,
		Long: `Lost: "ring full" are events that the agent read too slowly (--monitor-buffer-pages
of monitor agent), "client behind" those that clients read too slowly
(--monitor-queue-size). DELIVERED, LOST and LAG of a client are events that it got, that it
was told it lost, and that it has not read yet. Suppressed are events that the embedded
datapath did not make, by --events-rate-limit or --trace-aggregation of monitor agent,
and kernel drops beyond 1000 a second of one kind on a CPU.

` + shellSocketHelp + `
--output is ` + envPrefix + `STATUS_OUTPUT, --probe ` + envPrefix + `STATUS_PROBE. A flag goes before the
environment.

Exit code 0 says that the agent answers, whatever that is. With --probe it says that all parts
are well, and ` + strconv.Itoa(exitUnwell) + ` that the agent answers, but can't read events or is degraded. An agent that
waits for its datapath is, unless it has another source, such as --kernel-drops. No answer
within ` + shellTimeout.String() + ` is 1; see monitor --help.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := shellConfig(cmd)
			if err != nil {
				return err
			}
			agent, err := dialShell(cfg.ShellSockPath)
			if err != nil {
				return err
			}
			defer agent.close()
			switch {
			case probe:
				return probeAgent(agent)
			case output == outputJSON:
				return writeAnswer(cmd.OutOrStdout(), agent, "monitor/status -o json")
			default:
				return writeStatus(cmd.OutOrStdout(), agent, columnsShown())
			}
		},
	}
	cmd.Flags().BoolVar(&probe, "probe", false, "Show nothing: the exit code tells whether the agent is well, the error what is wrong")
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
func writeAnswer(w io.Writer, agent *shellClient, command string) error {
	answer, err := agent.ask(command)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, strings.TrimSpace(answer))
	return err
}

// writeStatus writes what the agent is at, and how its parts are, in so many columns, if that is not 0.
func writeStatus(w io.Writer, agent *shellClient, columns int) error {
	var b strings.Builder
	if err := writeAnswer(&b, agent, "monitor/status --over "+rateTime.String()); err != nil {
		return err
	}
	parts, err := agent.health()
	switch {
	case errors.Is(err, errNoHealth):
	case err != nil:
		return err
	default:
		b.WriteString("\n")
		if err := writeHealth(&b, parts); err != nil {
			return err
		}
	}
	_, err = io.WriteString(w, fold.Table(b.String(), columns))
	return err
}

// writeHealth writes a table of the parts that have reported something.
func writeHealth(w io.Writer, parts []partHealth) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "PART\tHEALTH\n")
	for _, p := range parts {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", inert.String(p.name), p.level, inert.String(p.message))
	}
	return tw.Flush()
}
