// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/format"
)

const flagTimestamps = "timestamps"

// timestampsFlag is --timestamps. It was a switch once, so it can be given without a value, which is rfc3339
// then.
type timestampsFlag struct {
	format.Timestamps
	given bool
}

func (t *timestampsFlag) add(fs *pflag.FlagSet) {
	fs.Var(t, flagTimestamps, "time, relative (seconds since the first line), rfc3339 or none; by default lines for people have the time")
	fs.Lookup(flagTimestamps).NoOptDefVal = format.TimestampsRFC3339.String()
}

// Set implements pflag.Value.
func (t *timestampsFlag) Set(name string) error {
	t.given = true
	return t.Timestamps.Set(name)
}

// String implements pflag.Value.
func (t *timestampsFlag) String() string {
	if !t.given {
		return "" // it depends on the output
	}
	return t.Timestamps.String()
}

// of returns the timestamps of an output. Only what is for people has any that were not asked for.
func (t *timestampsFlag) of(output format.Output) format.Timestamps {
	if !t.given && output != format.OutputCompact {
		return format.TimestampsNone
	}
	return t.Timestamps
}

// args checks the arguments of a command, which has none: but a value may follow --timestamps behind a space, which
// pflag does not allow of a flag that can do without one.
func (t *timestampsFlag) args(cmd *cobra.Command, args []string) error {
	if len(args) != 1 || !t.given {
		return noArgs(cmd, args)
	}
	if err := t.Timestamps.Set(args[0]); err != nil {
		return usageError(fmt.Errorf("--%s %s: %w", flagTimestamps, args[0], err))
	}
	return nil
}
