// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/explain"
	"github.com/cilium/monitor/format"
)

// addCompletion adds the commands for completion, which the help only mentions.
func addCompletion(root *cobra.Command) {
	root.CompletionOptions.HiddenDefaultCmd = true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.InitDefaultCompletionCmd()
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		panic(err)
	}
	completion.SuggestionsMinimumDistance = root.SuggestionsMinimumDistance
	completion.Args = cobra.ArbitraryArgs
	completion.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usageError(unknownCommand(cmd, args[0]))
		}
		return cmd.Help()
	}
	for _, shell := range completion.Commands() {
		shell.Args = noArgs
	}
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		if cmd.Name() == cobra.ShellCompRequestCmd {
			unquoteUsage(root)
		}
	}
}

// unquoteUsage removes from the usage of flags the backticks that are for the help.
func unquoteUsage(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { _, f.Usage = pflag.UnquoteUsage(f) })
	for _, c := range cmd.Commands() {
		unquoteUsage(c)
	}
}

// completeFlags gives flags of a command what completes their values. It panics if there is no
// such flag.
func completeFlags(cmd *cobra.Command, flags map[string]cobra.CompletionFunc) {
	for name, complete := range flags {
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err)
		}
	}
}

// completeFiles completes the paths of files. It has to be asked for: other values and arguments
// are none, see newCommand.
func completeFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func completeConfigFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return []cobra.Completion{"yaml", "yml", "json", "toml"}, cobra.ShellCompDirectiveFilterFileExt
}

// completeOne completes one of the values.
func completeOne(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// completeList completes the last one of values that are separated by commas.
func completeList(values func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		list := strings.Split(typed, ",")
		before, last := list[:len(list)-1], list[len(list)-1]
		var completions []cobra.Completion
		for _, value := range values() {
			if strings.HasPrefix(value, last) && !slices.Contains(before, value) {
				completions = append(completions, strings.Join(append(slices.Clone(before), value), ","))
			}
		}
		return completions, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFilterFlags completes the values of the filter flags of a command.
func completeFilterFlags(cmd *cobra.Command) {
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"type":        completeList(filterValues("type")),
		"protocol":    completeList(filterValues("protocol")),
		"tcp-flags":   completeList(filterValues("tcp-flags")),
		"identity":    completeList(filterValues("identity")),
		"verdict":     completeList(filterValues("verdict")),
		"drop-reason": completeDropReason,
		"interface":   completeInterface,
	})
}

// filterValues returns the values of a filter flag when they are asked for.
func filterValues(flag string) func() []string {
	return func() []string { return format.FilterValues(flag) }
}

// completeDropReason completes the text of a drop reason of the datapath, in any case, or its number, or the name that the
// kernel has for one.
func completeDropReason(_ *cobra.Command, _ []string, typed string) (completions []cobra.Completion, _ cobra.ShellCompDirective) {
	_, err := strconv.Atoi(typed)
	number := err == nil
	for code, text := range api.DropReasons() {
		value, about := text, fmt.Sprint(code)
		if number {
			value, about = about, value
		}
		if strings.HasPrefix(strings.ToLower(value), strings.ToLower(typed)) {
			completions = append(completions, cobra.CompletionWithDesc(value, about))
		}
	}
	for _, r := range explain.All() {
		if r.Kernel && strings.HasPrefix(strings.ToLower(r.Name), strings.ToLower(typed)) {
			completions = append(completions, cobra.CompletionWithDesc(strings.TrimSuffix(r.Name, "*"), r.Meaning))
		}
	}
	return completions, cobra.ShellCompDirectiveNoFileComp
}

// devices returns the names of this machine's network devices, none if they can't be seen.
func devices() (names []string) {
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	return names
}
