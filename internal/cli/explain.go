// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium/monitor/explain"
	"github.com/cilium/monitor/internal/suggest"
)

func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [REASON|FUNCTION...]",
		Short: "Tell what drop reasons mean, and what to look at",
		Example: `
monitor explain NETFILTER_DROP    a reason of the kernel
monitor explain policy denied     one of Cilium's datapath; its number does as well: 133
monitor explain ip_error          a function of the kernel, for drops without a reason
monitor explain                   all of them, a line for each`,
		Long: `DEV, SRC, DST, PORT and the like stand for those of the packet. monitor watch -vv shows the
meaning of a drop's reason below the drop.

` + exitCodesHelp,
		ValidArgsFunction: completeReason,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				listReasons(out, columnsOf(os.Stdout))
				return nil
			}
			reasons, err := findReasons(args)
			if err != nil {
				return usageError(err)
			}
			for i, r := range reasons {
				if i > 0 {
					fmt.Fprintln(out)
				}
				writeReason(out, r)
			}
			return nil
		},
	}
}

// findReasons returns the reason that all arguments together name, or those that each one does.
func findReasons(args []string) (reasons []explain.Reason, err error) {
	if r, found := explain.Find(strings.Join(args, " ")); found {
		return []explain.Reason{r}, nil
	}
	var errs []error
	for _, arg := range args {
		r, found := explain.Find(arg)
		if !found {
			errs = append(errs, unknownReason(arg))
			continue
		}
		reasons = append(reasons, r)
	}
	if len(args) > 1 && len(reasons) == 0 {
		return nil, unknownReason(strings.Join(args, " "))
	}
	return reasons, errors.Join(errs...)
}

func unknownReason(typed string) error {
	var names []string
	for _, r := range allReasons() {
		names = append(names, r.Name)
	}
	hint := suggest.DidYouMean(typed, names)
	if hint == "" {
		hint = " (monitor explain lists those that there are)"
	}
	return fmt.Errorf("there is no drop reason %q%s", typed, hint)
}

// writeReason writes all there is to say about a reason, commands below what is to be seen with them.
func writeReason(w io.Writer, r explain.Reason) {
	fmt.Fprintf(w, "%s (%s)\n%s", r.Name, originOf(r), fillParagraphs(r.Meaning, helpWidth()))
	for _, c := range r.Look {
		fmt.Fprintln(w)
		if c.Why != "" {
			fmt.Fprintf(w, "  # %s\n", c.Why)
		}
		fmt.Fprintf(w, "  %s\n", c.Line)
	}
}

func originOf(r explain.Reason) string {
	switch {
	case r.Function:
		return "the kernel's function, for drops without a reason"
	case r.Kernel:
		return "the kernel's"
	default:
		return "Cilium's"
	}
}

// allReasons returns all that there is to explain: reasons, and functions that give none.
func allReasons() []explain.Reason { return append(explain.All(), explain.Functions()...) }

// listReasons writes a line for each reason, which has at most so many columns unless that is 0.
func listReasons(w io.Writer, columns int) {
	width := 0
	for _, r := range allReasons() {
		if r.Kernel {
			width = max(width, len(r.Name))
		}
	}
	for _, r := range allReasons() {
		line := fmt.Sprintf("%-*s  %s", width, r.Name, r.Meaning)
		if columns > 0 && len(line) > columns {
			line = line[:max(columns-3, 0)] + "..."
		}
		fmt.Fprintln(w, line)
	}
}

// completeReason completes the names of reasons, in any case.
func completeReason(_ *cobra.Command, _ []string, typed string) (completions []cobra.Completion, _ cobra.ShellCompDirective) {
	for _, r := range allReasons() {
		if len(r.Name) >= len(typed) && strings.EqualFold(r.Name[:len(typed)], typed) {
			completions = append(completions, cobra.CompletionWithDesc(r.Name, r.Meaning))
		}
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}
