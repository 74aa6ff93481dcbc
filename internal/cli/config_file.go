// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/viper"
)

// readConfigFile reads a configuration file, if there is one, into the settings of a
// hive. A key that is not one of them is an error.
func readConfigFile(settings *viper.Viper, path string) error {
	if path == "" {
		return nil
	}
	known := settings.AllKeys()
	settings.SetConfigFile(path)
	if err := settings.ReadInConfig(); err != nil {
		return usageError(fmt.Errorf("--%s=%s: %w", flagConfig, path, err))
	}
	for _, key := range settings.AllKeys() {
		if !slices.Contains(known, key) {
			return usageError(fmt.Errorf("--%s=%s: there is no setting %q", flagConfig, path, key))
		}
	}
	return nil
}
