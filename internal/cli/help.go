// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/internal/fold"
)

// groupKey is the annotation of a flag that says under which title the help shows it.
const groupKey = "group"

// group returns flags that the help shows together under a title.
func group(title string, add func(*pflag.FlagSet)) *pflag.FlagSet {
	fs := newFlagSet(title)
	add(fs)
	fs.VisitAll(func(f *pflag.Flag) { annotate(f, groupKey, title) })
	return fs
}

func annotate(f *pflag.Flag, key, value string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = []string{value}
}

// help writes the help of a command: what it does, examples, flags, details.
func help(cmd *cobra.Command, _ []string) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s.\n", cmd.Short)
	if cmd.HasExample() {
		fmt.Fprintf(w, "\n%s", fold.Table(indent(cmd.Example), helpWidth()))
	}
	fmt.Fprintf(w, "\nUsage: %s\n", cmd.UseLine())
	writeCommands(w, cmd)
	writeFlags(w, cmd)
	if cmd.Long != "" {
		fmt.Fprintf(w, "\n%s", fillParagraphs(cmd.Long, helpWidth()))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nMore about a command: %s COMMAND --help\n", cmd.CommandPath())
	}
}

// fillParagraphs returns a text of lines that have at most so many columns. Those that are indented are examples and
// tables.
func fillParagraphs(text string, width int) string {
	lines := strings.Split(text, "\n")
	if !slices.ContainsFunc(lines, func(line string) bool { return len(line) > width }) {
		return text + "\n"
	}
	var b strings.Builder
	column := 0 // of the paragraph's last line, 0: it has no words yet
	end := func() {
		if column > 0 {
			b.WriteString("\n")
		}
		column = 0
	}
	for _, line := range lines {
		if line == "" || line[0] == ' ' {
			end()
			b.WriteString(fold.Table(line+"\n", width))
			continue
		}
		for _, word := range strings.Fields(line) {
			switch {
			case column == 0:
			case column+1+len(word) > width:
				end()
			default:
				b.WriteString(" ")
				column++
			}
			b.WriteString(word)
			column += len(word)
		}
	}
	end()
	return b.String()
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}

func writeCommands(w io.Writer, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	fmt.Fprintf(w, "\nCommands:\n")
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprint(w, fold.Table(fmt.Sprintf("  %-*s  %s", cmd.NamePadding(), c.Name(), c.Short), helpWidth()))
		}
	}
}

// writeFlags writes the flags, group by group in the order in which these come up.
func writeFlags(w io.Writer, cmd *cobra.Command) {
	var titles []string
	groups := map[string]*pflag.FlagSet{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		title := "Flags"
		if group := f.Annotations[groupKey]; group != nil {
			title = group[0]
		}
		if f.Name == "help" || f.Hidden {
			return
		}
		if groups[title] == nil {
			titles = append(titles, title)
			groups[title] = newFlagSet(title)
		}
		shown := *f
		switch {
		case f.Value.Type() == "bool" && f.DefValue == "false":
			shown.Value = onSwitch{f.Value}
		case f.Value.Type() == "count":
			shown.Value, shown.NoOptDefVal = repeatedSwitch{f.Value}, "true"
		}
		groups[title].AddFlag(&shown)
	})
	for _, title := range titles {
		fmt.Fprintf(w, "\n%s:\n%s", title, groups[title].FlagUsagesWrapped(helpWidth()))
	}
}

// onSwitch hides from pflag that a flag can be given as --json=false, too, which would
// be in the help of each of them.
type onSwitch struct{ pflag.Value }

// repeatedSwitch shows a flag that is given several times instead of with a number, as -vv,
// like one without a value.
type repeatedSwitch struct{ pflag.Value }

// Type implements pflag.Value.
func (repeatedSwitch) Type() string { return "bool" }

func newFlagSet(name string) *pflag.FlagSet {
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fs.SortFlags = false
	return fs
}

// helpWidth returns the number of columns that the help has: those of the terminal, also where a pager shows it.
func helpWidth() int {
	const minimum, maximum, unknown = 60, 120, 80
	for _, out := range []*os.File{os.Stdout, os.Stderr} {
		if columns := columnsOf(out); columns > 0 {
			return min(max(columns, minimum), maximum)
		}
	}
	return unknown
}
