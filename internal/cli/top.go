// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/top"
)

// topTypes are the events that are counted unless somebody asks for others.
const topTypes = "drop,policy-verdict"

// topOptions are the flags of monitor top.
type topOptions struct {
	filter *format.FilterFlags
	read   string
}

func newTopCommand() *cobra.Command {
	var opts topOptions
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show live what is dropped most: why, where, and of whom",
		Example: `
monitor top                           drops, of the kernel and the datapath, and policy verdicts
monitor top --ip 10.0.0.0/8           those of one network
monitor top -t drop,trace             with all packets, for who talks most
monitor top --read night.events       of a recording`,
		Long: `Tables of reasons, functions, devices, talkers, verdicts and lost events. Enter leads from a row to
its last packets, and from there to one of them, layer by layer; space freezes all; ? lists the keys.

Only the events that are counted are asked for. A drop that stands for others, which the
agent left out since there were too many, counts for all of them.

` + exitCodesHelp,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := setFromEnvironment(cmd); err != nil {
				return err
			}
			if err := setDefaultTypes(cmd.Flags(), opts.filter, topTypes); err != nil {
				return err
			}
			socket, err := cmd.Flags().GetString(flagSocket)
			if err != nil {
				return err
			}
			return explainValue(cmd, opts.run(socket))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.AddFlagSet(group(filterGroup, func(fs *pflag.FlagSet) {
		opts.filter = format.NewFilterFlags(fs)
		opts.filter.LookUpLater()
	}))
	flags.AddFlagSet(group(sourceGroup, func(fs *pflag.FlagSet) {
		addSocketFlag(fs)
		fs.StringVar(&opts.read, "read", "", "read a recording from this `FILE` instead, or a stream from stdin (-)")
	}))
	completeFilterFlags(cmd)
	completeFlags(cmd, map[string]cobra.CompletionFunc{"read": completeFiles, flagSocket: completeFiles})
	return cmd
}

// run shows the events of the agent at the socket, or of a recording, until somebody quits.
func (o *topOptions) run(socket string) error {
	if !term.IsTerminal(int(os.Stdout.Fd())) || os.Getenv("TERM") == "dumb" { // which has no cursor to move
		return usageError(errors.New("monitor top is for a terminal with a cursor: monitor watch --for 10s --summary counts elsewhere"))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	stopped, closeStopped, err := doneFile(ctx)
	if err != nil {
		return err
	}
	defer closeStopped()
	feed := &topFeed{filterFlags: o.filter}
	source := socket
	if o.read != "" {
		source = o.read
		if feed.stream, err = openStream(ctx, o.read, stopped, &feed.notice); err != nil {
			return ignoreEnd(ctx, fmt.Errorf("--read: %w", err))
		}
	}
	if feed.filter, err = o.filter.Filter(); err != nil { // by the names of the recording
		return usageError(err)
	}
	began, recorded := time.Now(), feed.stream != nil && !feed.stream.live
	if recorded {
		began = time.Time{}
	}
	feed.model = top.New(began, recorded)
	screen, err := openTopScreen()
	if err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	defer screen.close() // also in a panic
	feed.start(ctx, socket)
	screen.show(ctx, top.NewView(feed.model, source), feed)
	stop()
	return feed.wait()
}
