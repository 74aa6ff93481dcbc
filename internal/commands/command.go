// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"math"

	"github.com/cilium/hive/script"

	"github.com/cilium/monitor/internal/inert"
)

// AnyNumber is a number of arguments that nobody exceeds.
const AnyNumber = math.MaxInt

// Command returns a script command that takes so many arguments, at least and at most. An
// error of run is in the script's stderr as well, so that a script can tell why a command
// failed.
func Command(usage script.CmdUsage, least, most int, run func(s *script.State, args []string) (stdout string, err error)) script.Cmd {
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) < least || len(args) > most {
			return nil, script.ErrUsage
		}
		return func(s *script.State) (stdout, stderr string, err error) {
			stdout, err = run(s, args)
			if err != nil {
				stderr = inert.Lines(err.Error()) + "\n"
			}
			return stdout, stderr, err
		}, nil
	})
}
