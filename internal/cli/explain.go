// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
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
monitor explain netfilter         a line for each that has it in its name
monitor explain ip_error          a function of the kernel, for drops without a reason
monitor explain                   all of them, a line for each`,
		Long: `DEV, SRC, DST, PORT and the like stand for those of the packet. monitor watch -vv shows the
meaning of a drop's reason below the drop.

` + exitCodesHelp,
		ValidArgsFunction: completeReason,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if len(args) == 0 {
				listReasons(out, allReasons(), columnsOf(os.Stdout))
				return nil
			}
			reasons, parts, err := findReasons(args)
			switch {
			case err != nil:
				return usageError(err)
			case parts:
				listReasons(out, reasons, columnsOf(os.Stdout))
				return nil
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

// findReasons returns what all arguments together name, or what each one does. An argument that is no name is a part of names, and parts
// tells that it is one of several.
func findReasons(args []string) (reasons []explain.Reason, parts bool, err error) {
	whole := strings.Join(args, " ")
	if reasons := findReason(whole); reasons != nil {
		return reasons, len(reasons) > 1, nil
	}
	var errs []error
	named := false // by an argument
	for _, arg := range args {
		found := findReason(arg)
		if found == nil {
			errs = append(errs, unknownReason(arg))
		}
		named = named || len(found) == 1
		parts = parts || len(found) > 1
		reasons = append(reasons, found...)
	}
	if len(errs) > 0 && !named {
		return nil, false, unknownReason(whole)
	}
	return reasons, parts, errors.Join(errs...)
}

// findReason returns the one that is typed, or all that have it in their names.
func findReason(typed string) (reasons []explain.Reason) {
	if r, found := explain.Find(typed); found {
		return []explain.Reason{r}
	}
	part := strings.ToUpper(strings.TrimSpace(typed))
	if part == "" || isNumber(part) {
		return nil
	}
	for _, r := range allReasons() {
		if strings.Contains(strings.ToUpper(r.Name), part) {
			reasons = append(reasons, r)
		}
	}
	return reasons
}

func isNumber(typed string) bool {
	_, err := strconv.Atoi(strings.TrimSpace(typed))
	return err == nil
}

func unknownReason(typed string) error {
	if isNumber(typed) {
		return fmt.Errorf("there is no drop reason %s: the numbers are those of Cilium's, the kernel's have names (monitor explain lists all)", typed)
	}
	var names []string
	for _, r := range allReasons() {
		names = append(names, r.Name)
	}
	hint := suggest.DidYouMean(typed, names)
	if hint == "" {
		hint = " (monitor explain lists all)"
	}
	return fmt.Errorf("no drop reason is called %q, nor a function of the kernel that is explained%s", typed, hint)
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
func listReasons(w io.Writer, reasons []explain.Reason, columns int) {
	width := 0
	for _, r := range reasons {
		if r.Kernel {
			width = max(width, len(r.Name))
		}
	}
	for _, r := range reasons {
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
