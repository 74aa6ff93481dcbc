// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/inert"
)

// watchOptions are the flags of monitor watch.
type watchOptions struct {
	filter     *format.FilterFlags
	print      format.PrintFlags
	timestamps timestampsFlag
	color      colorMode
	count      int
	duration   time.Duration
	summary    bool
	read       string
	record     string
	write      string
	rotation   rotation
	past       past
	own        *ownAgent // if the agent is one of this process
}

// filterGroup is the title of the filter flags in the help.
const filterGroup = "Which events"

// sourceGroup is that of the flags that say whose events.
const sourceGroup = "Where they come from"

func newWatchCommand() *cobra.Command {
	var opts watchOptions
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print events as they happen: what was dropped, forwarded, denied, and why",
		Example: `
monitor watch                                  traces, drops, verdicts, agent events
monitor watch -t drop                          what is dropped, and why
monitor watch -t drop --ip 10.0.0.7 -vv        one host's drops, with all of the packet
monitor watch --verdict deny                   what policy denies
monitor watch -t drop --since 10m              and what was dropped in the last minutes
monitor watch -t drop --for 10s --summary      how many drops for which reason
monitor watch -t drop -j | jq -r .reason       for scripts: an object on each line
monitor watch -t drop --write drops.pcapng     the dropped packets for Wireshark, too
monitor watch --record now.events >/dev/null   keep everything, to look at it later:
monitor watch --read now.events -t drop -vv`,
		Long: format.FilterHelp + `

Lines for people (-o compact) say when, what happened, from where to where, why, where, and
which --deny rule of the agent it was, as far as that is known:

  15:04:05.120 DROP 192.0.2.1:40000 -> 192.0.2.2:9999 udp: Policy denied, eth0, rule udp/9999

  in, out       a packet came from, or went to, the network or what the line says
  fwd           it was handed on inside of the host: to an endpoint, the stack, a proxy
  DROP          it was dropped; with what its policy verdict says, if that is printed, too:
                on one line, which --count takes for one event
  allow, deny, redirect, audit   a policy verdict
  cap, sock, l7, dbg, agent      capture, trace-sock, l7, debug and agent events
  Lost, ERR     events that are missing, one that cannot be decoded

On a terminal, lines leave out what does not fit into a row: first the address before a
translation, then identities, endpoints, the state, the interface; "rule udp/9999" stands for
"Policy denied" then. Who talks to whom and why is always there. Pipes and -v have it all.

With -o cilium, --hex is for -vv, as it is there. Messages about the connection, and the
summary, go to stderr; with -o json the summary is the last object on stdout. What was not
shown is told at the end: "0 of 39,054 events matched". An agent is asked only for what the
filters can match, unless --record keeps all; what nobody asks for some datapaths do not even
make, and then it is not counted. If no agent runs yet, or it goes away, watch waits for one;
if none came at all by the end, the exit code is 3.

Network interfaces have the names that they have where the agent is, and message types and drop
reasons those that the agent has. Of an agent that serves the API 1.2 only, interfaces are
numbers if this user may not look there, and watch says so.

Each flag but --not, --outer and --inner is an environment variable, too (--color:
` + envPrefix + `WATCH_COLOR), and --monitor-socket-path the same as the agent's
(` + envPrefix + `MONITOR_SOCKET_PATH). A flag goes before the environment.

` + filesHelp + `

` + exitCodesHelp,
		Args: opts.timestamps.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settleOutput(cmd.Flags()); err != nil {
				return usageError(err)
			}
			if err := setFromEnvironment(cmd); err != nil {
				return err
			}
			socket, err := cmd.Flags().GetString(flagSocket)
			if err != nil {
				return err
			}
			return explainValue(cmd, opts.run(socket, os.Stdout, os.Stderr))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	opts.addFlags(flags)
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == oldFlagSocket {
			name = flagSocket
		}
		return pflag.NormalizedName(name)
	})
	completeWatchFlags(cmd)
	return cmd
}

// completeWatchFlags completes the values of the flags of watchOptions.
func completeWatchFlags(cmd *cobra.Command) {
	completeFilterFlags(cmd)
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"output":     completeOne(format.OutputNames()...),
		"timestamps": completeOne(format.TimestampNames()...),
		"color":      completeOne(string(colorAuto), string(colorAlways), string(colorNever)),
		"write":      completeFiles,
		"record":     completeFiles,
		"read":       completeFiles,
		flagSocket:   completeFiles,
	})
}

// settleOutput checks the two flags that say the output, and has the environment set neither if one is given.
func settleOutput(flags *pflag.FlagSet) error {
	output, asJSON := flags.Lookup("output"), flags.Lookup("json")
	if asJSON.Changed && asJSON.Value.String() == "true" && output.Changed && output.Value.String() != format.OutputJSON.String() {
		return fmt.Errorf("--json contradicts --output %s", output.Value)
	}
	asJSON.Changed = asJSON.Changed || output.Changed
	return nil
}

func (o *watchOptions) addFlags(flags *pflag.FlagSet) {
	flags.AddFlagSet(group(filterGroup, func(fs *pflag.FlagSet) {
		o.filter = format.NewFilterFlags(fs)
		o.filter.LookUpLater()
	}))
	flags.AddFlagSet(group("How they are printed", func(fs *pflag.FlagSet) {
		o.print = format.NewPrintFlags(fs)
		o.timestamps.add(fs)
		fs.Var(&o.color, "color", "auto, always or never; auto: on a terminal, unless NO_COLOR is set")
	}))
	flags.AddFlagSet(group("When to stop (else: Ctrl-C)", func(fs *pflag.FlagSet) {
		fs.IntVar(&o.count, "count", 0, "stop after printing `N` events")
		fs.DurationVar(&o.duration, "for", 0, "stop after this `TIME`: 10s, 2m")
		fs.BoolVar(&o.summary, "summary", false, "at the end, tell how many events of which type, reason and verdict there were, in all and a second")
	}))
	flags.AddFlagSet(group("What happened before", o.past.addFlags))
	flags.AddFlagSet(group("Files to write, too", func(fs *pflag.FlagSet) {
		fs.StringVar(&o.write, "write", "", "write the packets of the printed events to this .pcapng `FILE`, - is stdout")
		fs.StringVar(&o.record, "record", "", "record all events in this `FILE`, whatever the filters, for --read; - is stdout")
		o.rotation.addFlags(fs)
	}))
	flags.AddFlagSet(group(sourceGroup, func(fs *pflag.FlagSet) {
		addSocketFlag(fs)
		fs.StringVar(&o.read, "read", "", "read a recording from this `FILE` instead, or a stream from stdin (-)")
	}))
}

// run watches the agent at the socket, or a recording, until there is a reason to stop.
func (o *watchOptions) run(socket string, stdout, stderr *os.File) error {
	if err := o.check(); err != nil {
		return usageError(err)
	}
	parent := context.Background()
	if o.own != nil {
		parent = o.own.interrupted
	}
	ctx, stop, release, err := stopConditions(parent, stdout, o.duration)
	if err != nil {
		return err
	}
	defer release()
	stopped, closeStopped, err := doneFile(ctx)
	if err != nil {
		return err
	}
	defer closeStopped()
	outs := &outputs{stopped: stopped, stallTimeout: stallTimeout}
	errOut := outs.of(stderr)
	defer errOut.Close()
	messages := inert.Writer(errOut)

	var files watchFiles
	if o.read != "" {
		if files.input, err = openStream(ctx, o.read, stopped, messages); err != nil {
			return ignoreEnd(ctx, fmt.Errorf("--read: %w", err))
		}
	}
	names := &agentNames{}
	defer names.end()
	filter, err := o.filter.Filter() // by the names of the recording
	if errors.As(err, new(*format.InvalidValueError)) && files.input == nil {
		askNames(ctx, socket, names, messages)
		filter, err = o.filter.Filter() // or by those of the agent
	}
	if err != nil {
		return usageError(err)
	}
	if o.timestamps.given && o.timestamps.Timestamps != format.TimestampsNone && !files.hasTimes() {
		return usageError(fmt.Errorf("--timestamps: %s has no times", o.read))
	}
	err = files.open(ctx, stop, o, outs, stdout, messages)
	defer files.endPolling()
	if err != nil {
		return ignoreEnd(ctx, err) // if no reader came
	}
	w := watcher{
		out:         bufio.NewWriterSize(io.Discard, outputBuffer),
		watchFiles:  files,
		messages:    messages,
		event:       format.NewEvent(nil),
		filter:      filter,
		filterFlags: o.filter,
		limit:       o.count,
		past:        &o.past,
		own:         o.own != nil,
		names:       names,
		stop:        stop,
	}
	if !o.toStdout() {
		out := outs.of(stdout)
		defer out.Close()
		w.out.Reset(out)
	}
	printing := o.print.Options(filter)
	printing.Color = o.color.on(stdout)
	printing.Timestamps = o.timestamps.of(printing.Output)
	if files.hasTimes() {
		printing.Clock = func() time.Time { return w.at }
	}
	printing.Width = func() int { return columnsOf(stdout) }
	w.formatter = format.New(printing)
	w.joiner = format.NewJoiner(w.formatter)
	if files.recording != nil {
		files.recording.names = w.interfaces.namesForRecording
	}
	if files.input != nil {
		err = w.replay(ctx, files.input)
	} else {
		err = w.follow(ctx, socket)
	}
	if o.summary && w.connected {
		w.writeSummary(printing.Output == format.OutputJSON && !o.toStdout())
	}
	if w.connected {
		w.writeUnshown()
	}
	return err
}

// ignoreEnd returns an error, unless it is that ctx was cancelled.
func ignoreEnd(ctx context.Context, err error) error {
	if errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (o *watchOptions) check() error {
	switch {
	case o.count < 0:
		return fmt.Errorf("--count %d: it must be at least 1", o.count)
	case o.duration < 0:
		return fmt.Errorf("--for %s: it must be more than 0", o.duration)
	case o.read != "" && o.record != "":
		return errors.New("--record keeps what an agent sends, which --read already has from a file")
	case o.write == stdoutPath && o.record == stdoutPath:
		return errors.New("--write and --record can't both be stdout")
	case o.rotation.on() && o.write == "" && o.record == "":
		return errors.New("there is nothing to rotate without --write or --record")
	case o.rotation.on() && o.toStdout():
		return errors.New("stdout can't be rotated")
	}
	return cmp.Or(o.past.check(o.read), o.rotation.check())
}
