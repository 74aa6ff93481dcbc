// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

// Exit codes of the program. 0 says that all is well.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitNoAgent = 3
	exitUnwell  = 4
)

// exitCodesHelp explains them.
const exitCodesHelp = `Exit codes: 0 all is well; 1 something failed, such as a device that is not there or an
address that is taken; 2 wrong flags, arguments or settings;
3 no agent can be reached: none runs, or this user may not use its socket; 4 the agent
can't read events or is degraded (only of status --probe).`

// exitError is an error that ends the program with a certain exit code.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }

func usageError(err error) error { return exitError{err, exitUsage} }

func noAgentError(err error) error { return exitError{err, exitNoAgent} }

func unwellError(err error) error { return exitError{err, exitUnwell} }

// exitCode returns the exit code that an error ends the program with.
func exitCode(err error) int {
	if exit := (exitError{}); errors.As(err, &exit) {
		return exit.code
	}
	return exitFailed
}

// noArgs are the arguments of a command that takes none.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Errorf("%s has flags only, which begin with -: what is %q? (see %[1]s --help)", cmd.CommandPath(), args[0]))
	}
	return nil
}
