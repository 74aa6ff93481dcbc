// SPDX-License-Identifier: Apache-2.0

package cli

import "strings"

// shellLine quotes the arguments of a command for the agent's shell, which gets them as one line,
// where they need it. The first argument is the command, or a whole line, and stays as it is.
func shellLine(args []string) []string {
	line := make([]string, 0, len(args))
	for i, arg := range args {
		if i > 0 && (arg == "" || arg == "&" || strings.ContainsAny(arg, " \t\r#$'")) {
			arg = "'" + strings.ReplaceAll(arg, "'", "''") + "'"
		}
		line = append(line, arg)
	}
	return line
}
