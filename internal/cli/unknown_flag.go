// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/internal/suggest"
)

// flagError returns the error of a command's flags with what may help.
func flagError(cmd *cobra.Command, err error) error {
	hint := ""
	if unknown := (*pflag.NotExistError)(nil); errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		hint = suggest.DidYouMean("--"+unknown.GetSpecifiedName(), flagNames(cmd))
	}
	return usageError(fmt.Errorf("%w%s (see %s --help)", err, hint, cmd.CommandPath()))
}

// flagNames returns the flags of a command as they are typed.
func flagNames(cmd *cobra.Command) (names []string) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, "--"+f.Name)
		}
	})
	return names
}
