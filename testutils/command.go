// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"math"
	"strconv"
	"strings"

	"github.com/cilium/hive/script"
)

// anyNumber is a number of arguments that no script exceeds.
const anyNumber = math.MaxInt

// command returns a script command that takes so many arguments, at least and at most. An
// error of run is in the script's stderr as well, so that a script can tell why a command
// failed.
func command(usage script.CmdUsage, least, most int, run func(s *script.State, args []string) (stdout string, err error)) script.Cmd {
	return script.Command(usage, func(_ *script.State, args ...string) (script.WaitFunc, error) {
		if len(args) < least || len(args) > most {
			return nil, script.ErrUsage
		}
		return func(s *script.State) (stdout, stderr string, err error) {
			stdout, err = run(s, args)
			if err != nil {
				stderr = err.Error() + "\n"
			}
			return stdout, stderr, err
		}, nil
	})
}

// count parses a number of events.
func count(arg string) (uint64, error) {
	n, err := strconv.ParseUint(arg, 10, 32)
	if err != nil {
		return 0, script.ErrUsage
	}
	return n, nil
}

// lines returns a line for each element.
func lines[E any](all []E, line func(E) string) string {
	var b strings.Builder
	for _, e := range all {
		b.WriteString(line(e) + "\n")
	}
	return b.String()
}
