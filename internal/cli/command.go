// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"

	"github.com/cilium/hive/shell"
	"github.com/spf13/cobra"
)

// newCommand returns the command line of the program.
func newCommand(extensions ...Extension) *cobra.Command {
	h, settings := newHive(extensions...)
	root := &cobra.Command{
		Use:   "monitor COMMAND",
		Short: "See what a BPF datapath does to packets: dropped, forwarded, denied, and why",
		Example: `
monitor drops                 what the kernel drops, and why; needs no agent
monitor watch -t drop         what the agent sees dropped, and why
monitor status                is the agent well, who listens, who loses events
monitor agent --device eth0   no Cilium: trace eth0 with the built-in datapath`,
		Long: `Completion in this shell: source <(monitor completion bash), which needs the package
bash-completion, or zsh, or fish.

` + exitCodesHelp,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(unknownCommand(cmd, args[0]))
			}
			return cmd.Help()
		},
		SilenceErrors:              true,
		SilenceUsage:               true,
		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: 2,
	}
	root.SetHelpFunc(help)
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newWatchCommand(), newStatusCommand(), newAgentCommand(h, settings, extensions), newShellCommand())
	root.AddCommand(newDropsCommand(), newTopCommand(), newExplainCommand())

	inspect := newHiveCommand(h)
	for _, cmd := range append(inspect.Commands(), inspect) {
		cmd.Args = noArgs
	}
	inspect.Short = "Show the agent's cells, their dependencies and configuration"
	root.AddCommand(inspect)
	addVersion(root)
	addCompletion(root)
	refuseUnknownTopics(root)
	return root
}

// refuseUnknownTopics makes help about a command that does not exist an error, for which cobra's
// help is that of the program.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, err := root.Find([]string{"help"})
	if err != nil {
		panic(err)
	}
	help.RunE = func(_ *cobra.Command, topic []string) error {
		cmd, rest, err := root.Find(topic)
		if err != nil {
			return usageError(err)
		}
		if len(rest) > 0 {
			return usageError(unknownCommand(root, rest[0]))
		}
		return cmd.Help()
	}
}

func unknownCommand(root *cobra.Command, name string) error {
	err := fmt.Errorf("there is no command %q", name)
	if similar := root.SuggestionsFor(name); len(similar) > 0 {
		return fmt.Errorf("%w; did you mean %s?", err, strings.Join(similar, " or "))
	}
	return fmt.Errorf("%w (see %s --help)", err, root.CommandPath())
}

func newShellCommand() *cobra.Command {
	cmd := shell.ShellCmd(defaultShellSocket, "monitor> ", nil)
	cmd.Short = "Run script commands inside the agent: one, or interactively"
	cmd.Example = `
monitor shell                         interactive; help lists the commands, exit leaves
monitor shell monitor/subscribers     who gets events, and who loses some
monitor shell monitor/watch -t drop   as monitor watch, from within the agent
monitor shell health                  how its parts are`
	cmd.Long = shellSocketHelp + "\n\n" + exitCodesHelp
	addShellSocketFlags(cmd.Flags())
	cmd.Flags().SetInterspersed(false) // flags behind the command are the command's
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		flagSocket:              completeFiles,
		shell.ShellSockPathName: completeFiles,
	})
	run := cmd.Run
	cmd.Run = func(cmd *cobra.Command, args []string) { run(cmd, shellLine(args)) }
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := shellConfig(cmd)
		if err != nil {
			return err
		}
		if err := cmd.Flags().Set(shell.ShellSockPathName, cfg.ShellSockPath); err != nil {
			return err
		}
		return reachShell(cfg.ShellSockPath)
	}
	return cmd
}
