// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/format"
)

// environmentKey is the annotation of a flag whose environment variable is not named after its
// command, but is the agent's.
const environmentKey = "environment"

// environmentVariable returns the name of the environment variable of a command's flag, "" if it
// has none.
func environmentVariable(cmd *cobra.Command, flag *pflag.Flag) string {
	name := flag.Name
	switch {
	case flag.Annotations[environmentKey] != nil:
	case name == "help", format.IsFilterMeaning(name):
		return ""
	default:
		name = cmd.Name() + "-" + name
	}
	return variableOf(name)
}

// variableOf returns the name of the environment variable of a setting.
func variableOf(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// fromEnvironmentKey is the annotation of a flag that was set from the environment: by which variable.
const fromEnvironmentKey = "from environment"

// setFromEnvironment sets the flags of a command that were not given from the environment. The
// agent has its settings by hive's rules.
func setFromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		variable := environmentVariable(cmd, f)
		value := os.Getenv(variable)
		if err != nil || f.Changed || value == "" {
			return
		}
		if setErr := cmd.Flags().Set(f.Name, value); setErr != nil {
			if invalid := (*pflag.InvalidValueError)(nil); errors.As(setErr, &invalid) {
				setErr = invalid.Unwrap() // without the flag, which was not given
			}
			err = usageError(fmt.Errorf("%s=%s: %w", variable, value, setErr))
			return
		}
		annotate(f, fromEnvironmentKey, variable)
	})
	return err
}

// explainValue has an error that may be of a filter flag's value say where that is from.
func explainValue(cmd *cobra.Command, err error) error {
	invalid := (*format.InvalidValueError)(nil)
	if !errors.As(err, &invalid) {
		return err
	}
	flag := cmd.Flags().Lookup(invalid.Flag)
	if variable := flag.Annotations[fromEnvironmentKey]; variable != nil {
		return usageError(fmt.Errorf("%s=%s: %w", variable[0], invalid.Value, invalid.Err))
	}
	name := "--" + flag.Name
	if flag.Shorthand != "" {
		name = "-" + flag.Shorthand + ", " + name
	}
	return flagError(cmd, fmt.Errorf("invalid argument %q for %q flag: %w", invalid.Value, name, invalid.Err))
}
