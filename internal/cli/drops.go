// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/internal/inert"
)

// allDevices is what --device calls all of them.
const allDevices = "all"

func newDropsCommand() *cobra.Command {
	var opts watchOptions
	cmd := &cobra.Command{
		Use:   "drops",
		Short: "Print each packet that is dropped here, and why; needs no agent",
		Example: `
monitor drops                              on all devices and in all network namespaces
monitor drops --device eth0,veth*          on some, also those that come later
monitor drops --ip 10.0.0.7 --port 443     of one connection
monitor drops --drop-reason NETFILTER_DROP what a firewall drops
monitor drops -vv                          with all of the packet, and what the reason means
monitor drops --for 10s --summary          how many drops for which reason`,
		Long: `An agent that tells what the kernel drops (monitor agent --kernel-drops) is asked, and tells what its
datapath drops, too. If there is none, or it does not tell that, this command watches the kernel itself,
as root or with CAP_BPF and CAP_PERFMON; when it ends, nothing of it stays behind.

Filters, output and files are those of monitor watch -t drop. monitor explain tells more about a
reason.

` + exitCodesHelp,
		Args: opts.timestamps.args,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settleOutput(cmd.Flags()); err != nil {
				return usageError(err)
			}
			if err := setFromEnvironment(cmd); err != nil {
				return err
			}
			if err := setDefaultTypes(cmd.Flags(), opts.filter, "drop"); err != nil {
				return err
			}
			socket, err := cmd.Flags().GetString(flagSocket)
			if err != nil {
				return err
			}
			return explainValue(cmd, opts.runDrops(socket))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	opts.addFlags(flags)
	flags.AddFlagSet(group(sourceGroup, func(fs *pflag.FlagSet) {
		fs.Var(&deviceFlag{interfaces: flags.Lookup("interface").Value}, "device",
			"network devices, by name or pattern (veth*), or all; the same as --interface, with commas")
	}))
	completeWatchFlags(cmd)
	completeFlags(cmd, map[string]cobra.CompletionFunc{
		"device": completeList(func() []string { return append(devices(), allDevices) }),
	})
	return cmd
}

// deviceFlag is --device, whose values are those of --interface.
type deviceFlag struct {
	interfaces pflag.Value
	text       string
}

// Set implements pflag.Value.
func (d *deviceFlag) Set(text string) error {
	d.text = text
	names := strings.Split(text, ",")
	if slices.Contains(names, allDevices) {
		return nil
	}
	for _, name := range names {
		if err := d.interfaces.Set(name); err != nil {
			return err
		}
	}
	return nil
}

// String implements pflag.Value.
func (d *deviceFlag) String() string { return d.text }

// Type implements pflag.Value.
func (d *deviceFlag) Type() string { return "NAMES" }

// runDrops watches the agent at the socket, or the kernel itself if that one does not.
func (o *watchOptions) runDrops(socket string) (err error) {
	messages := inert.Writer(os.Stderr)
	if o.read == "" && !tellsKernelDrops(socket, messages) {
		if o.own, err = startOwnAgent(messages); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.own.close()) }()
		socket = o.own.socket
	}
	return o.run(socket, os.Stdout, os.Stderr)
}

// tellsKernelDrops tells whether an agent runs that tells what the kernel drops, and says if there is another one.
func tellsKernelDrops(socket string, messages io.Writer) bool {
	conn, err := net.Dial("unix", socket)
	if errors.Is(err, fs.ErrPermission) {
		return true // which is told when it is asked
	}
	if err != nil {
		return false
	}
	conn.Close()
	tells, err := hasKernelDrops(socket)
	if err != nil && os.Geteuid() != 0 {
		return true // only root may ask whether it does, or do it
	}
	if tells {
		return true
	}
	does := "does not tell"
	if err != nil { // Cilium's, or one whose shell is elsewhere
		does = "can't be asked whether it tells"
	}
	fmt.Fprintf(messages, "The agent at %s %s what the kernel drops (its --kernel-drops): this does. What its datapath drops: monitor watch -t drop\n", socket, does)
	return false
}

// hasKernelDrops asks the agent at the socket whether it tells what the kernel drops.
func hasKernelDrops(socket string) (bool, error) {
	stats, err := statsOf(shellSocketBeside(socket))
	return slices.ContainsFunc(stats.Sources, func(s agent.SourceStats) bool { return s.Name == bpf.KernelDropsSource }), err
}

// statsOf asks the agent whose shell is at path for its statistics.
func statsOf(path string) (stats agent.Stats, err error) {
	c, err := dialShell(path)
	if err != nil {
		return stats, err
	}
	defer c.close()
	text, err := c.ask("monitor/status -o json")
	if err != nil {
		return stats, err
	}
	return stats, json.Unmarshal([]byte(text), &stats)
}
