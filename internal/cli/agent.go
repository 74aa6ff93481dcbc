// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"log/slog"
	"os/signal"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/cilium/hive/shell"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/dig"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/bpf"
)

const (
	flagConfig = "config"
	flagCheck  = "check"
)

func newAgentCommand(h *hive.Hive, s *settings, extensions []Extension) *cobra.Command {
	var configFile string
	var check bool
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Read the datapath's events and serve them to all clients",
		Example: `
monitor agent                               serve the datapath that runs here, now or later
monitor agent --device eth0                 no datapath here: trace eth0 with the built-in one
monitor agent --device lo --deny udp/9999   and drop what a rule denies
monitor agent --device eth0 --check         would that run here? if not, what is missing`,
		Long: `Runs until Ctrl-C or SIGTERM, as root or with the capabilities that --check names.

Without --device it reads the events of whatever datapath pins its events map at
--monitor-events-map, now or later. With --device it loads a datapath of its own and
pins the map there; when it stops, nothing of it stays behind.

Each flag is an environment variable, too (--monitor-queue-size:
` + envPrefix + `MONITOR_QUEUE_SIZE), and a key of the --config file (monitor-queue-size: 4096). A flag
goes before the environment, and that before the file.

` + exitCodesHelp + `
With --check, 0 says that the agent would run, and 1 that something is missing.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readConfigFile(h.Viper(), configFile); err != nil {
				return err
			}
			placeShellSocket(h.Viper())

			// Hive logs what it starts and stops, and the errors that it returns as well.
			log := slog.New(slog.DiscardHandler)
			if h.Viper().GetBool(flagDebug) && !check {
				log = newSlogger(slog.LevelDebug)
			}
			if err := h.Populate(log); err != nil { // cells judge the settings, and start nothing
				return usageError(explainSetting(dig.RootCause(err), cmd.Flags(), h.Viper(), configFile))
			}
			if check {
				return writeCheck(cmd.OutOrStdout(), s)
			}
			return runAgent(h, s, log)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	own := newFlagSet("agent")
	own.StringVar(&configFile, flagConfig, "", "Read flags from this `FILE`: .yaml, .json or .toml")
	own.BoolVar(&check, flagCheck, false, "Tell what this agent needs, whether it is there, and how to get it; run nothing")
	h.RegisterFlags(own)
	own.Lookup(shell.ShellSockPathName).Usage = "Path of the shell's unix socket, beside --" + flagSocket
	keepHistory(own.Lookup("history"))
	for _, g := range groupsOf(extensions) {
		flags.AddFlagSet(group(g.title, func(fs *pflag.FlagSet) {
			for _, name := range g.names {
				fs.AddFlag(own.Lookup(name))
			}
		}))
	}
	flags.AddFlagSet(own)
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"device":                completeList(func() []string { return append(devices(), allDevices) }),
		"trace-aggregation":     completeOne(bpf.AggregationNone, bpf.AggregationFlow),
		"monitor-events-map":    completeFiles,
		flagSocket:              completeFiles,
		shell.ShellSockPathName: completeFiles,
		flagConfig:              completeConfigFiles,
	})
	completeExtensions(cmd, extensions)
	return cmd
}

// flagGroup are flags that the help shows together.
type flagGroup struct {
	title string
	names []string
}

// agentFlags is how the help of the agent groups its flags.
var agentFlags = []flagGroup{
	{"Which datapath", []string{"device", "deny", "datapath-events", "kernel-drops", "kernel-drops-all", "monitor-events-map", "monitor-buffer-pages", "monitor-max-delay", "monitor-take-over"}},
	{"Fewer events of the embedded datapath", []string{"events-rate-limit", "events-burst", "trace-aggregation", "trace-interval"}},
	{"Whom it serves", []string{flagSocket, "monitor-max-clients", "monitor-queue-size", "monitor-queue-bytes", "history", "history-size", "enable-monitor", flagMetricsAddress}},
	{"This process", []string{flagCheck, flagConfig, shell.ShellSockPathName, flagDebug}},
}

// keepHistory has an agent keep what people come to ask for after it has happened.
func keepHistory(flag *pflag.Flag) {
	types := flag.Value.(pflag.SliceValue)
	_ = types.Replace(defaultHistory) // of texts it takes all
	flag.DefValue = flag.Value.String()
}

// defaultHistory are the message types that an agent keeps unless it is told otherwise.
var defaultHistory = []string{"drop", "kernel-drop", "policy-verdict", "agent"}

// runAgent runs the hive, which is populated.
func runAgent(h *hive.Hive, s *settings, log *slog.Logger) error {
	if err := requireCapabilities(s); err != nil {
		return err
	}

	// Hive listens for SIGINT and SIGTERM once it has started. Before that, or by the
	// end of a terminal, the process would be killed and leave its pin behind.
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	defer stop()
	context.AfterFunc(ctx, func() { h.Shutdown() })
	return h.Run(log)
}

// logMissingDatapath tells a person who started an agent without a datapath what it waits for.
func logMissingDatapath(lc cell.Lifecycle, log logrus.FieldLogger, datapath bpf.Config, cfg monitor.AgentConfig) {
	if len(datapath.Device) > 0 {
		return
	}
	lc.Append(cell.Hook{
		OnStart: func(cell.HookContext) error {
			log.WithField("path", cfg.MonitorEventsMap).
				Info("Waiting for a datapath to pin its events map (to trace devices without one: --device)")
			return nil
		},
	})
}
