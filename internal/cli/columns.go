// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os"
	"strconv"

	"golang.org/x/term"
)

// columnsOf returns how many columns the terminal has that out is, 0 if it is none.
func columnsOf(out *os.File) int {
	width, _, err := term.GetSize(int(out.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// columnsShown returns how many columns there are for a table on stdout, 0 if nobody looks at it: those of the terminal,
// or, behind a pipe, those that COLUMNS says, as watch(1) has it.
func columnsShown() int {
	if columns := columnsOf(os.Stdout); columns > 0 {
		return columns
	}
	columns, _ := strconv.Atoi(os.Getenv("COLUMNS"))
	return columns
}
