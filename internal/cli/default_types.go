// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/cilium/monitor/format"
)

// setDefaultTypes has a filter let only these message types through, unless somebody asks for some.
func setDefaultTypes(flags *pflag.FlagSet, filter *format.FilterFlags, types string) error {
	if flags.Changed("type") {
		return nil
	}
	// A --not at the end would mean this. Values may have to wait for the names of a recording.
	if _, err := filter.Filter(); err != nil && !errors.As(err, new(*format.InvalidValueError)) {
		return usageError(err)
	}
	return flags.Set("type", types)
}
