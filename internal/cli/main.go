// SPDX-License-Identifier: Apache-2.0

//go:build !man

package cli

import (
	"errors"
	"fmt"
	"os"
)

// Main runs the program: the command that its arguments name. If that fails it ends the process with the
// exit code of the error. The agent has what the extensions add.
func Main(extensions ...Extension) {
	if err := newCommand(extensions...).Execute(); err != nil {
		lastWords := outputs{stallTimeout: stallTimeout}
		if errors.Is(err, errBlocked) {
			lastWords.stallTimeout = 0 // it may be the same that is blocked
		}
		fmt.Fprintln(lastWords.of(os.Stderr), "Error:", oneLine(err))
		os.Exit(exitCode(err))
	}
}
