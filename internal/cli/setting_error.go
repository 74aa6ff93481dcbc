// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// explainSetting returns, for an error of settings, one that names the environment variable or the
// file if a value from there is the reason: it is not of its flag's type. It sets flags.
func explainSetting(err error, flags *pflag.FlagSet, settings *viper.Viper, file string) error {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			return
		}
		variable := variableOf(f.Name)
		value := os.Getenv(variable)
		where := fmt.Sprintf("%s=%s", variable, value)
		if value == "" {
			if !settings.InConfig(f.Name) {
				return
			}
			value = fmt.Sprint(settings.Get(f.Name))
			where = fmt.Sprintf("--%s=%s: %s: %q", flagConfig, file, f.Name, value)
		}
		if wrong := f.Value.Set(value); wrong != nil {
			err = fmt.Errorf("%s: %w", where, wrong)
		}
	})
	return err
}
