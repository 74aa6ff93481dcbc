// SPDX-License-Identifier: Apache-2.0

// Package fold fits lines of text into the columns of a terminal.
package fold

import (
	"slices"
	"strings"
)

// Line returns a line as rows of at most so many columns, a rune in each. It is cut between words, and inside of one
// only if that is longer than a row. Rows behind the first one begin with so many spaces.
func Line(line string, columns, indent int) (rows []string) {
	const shortest = 16 // a row behind the first one has room for some words
	indent = max(min(indent, columns-shortest), 0)
	columns = max(columns, 1)
	rest := []rune(line)
	begin := 0 // of what may be cut
	for len(rest) > columns {
		end, next := columns, columns
		if i := lastSpace(rest[:columns+1]); i > begin && lengthOfWord(rest[i+1:]) <= columns-indent {
			end, next = i, i+1
		}
		rows = append(rows, strings.TrimRight(string(rest[:end]), " "))
		rest = slices.Concat([]rune(strings.Repeat(" ", indent)), []rune(strings.TrimLeft(string(rest[next:]), " ")))
		begin = indent
	}
	return append(rows, string(rest))
}

func lastSpace(text []rune) int {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == ' ' {
			return i
		}
	}
	return -1
}

func lengthOfWord(text []rune) int {
	if i := slices.Index(text, ' '); i >= 0 {
		return i
	}
	return len(text)
}

// Table returns a text with its lines folded to so many columns, or as it is if that is 0. The cells of a line are two
// spaces or more apart; what does not fit into a row goes on below its last cell.
func Table(text string, columns int) string {
	if columns <= 0 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		lastCell := 0
		if i := strings.LastIndex(line, "  "); i >= 0 {
			lastCell = len([]rune(line[:i])) + 2
		}
		for _, row := range Line(line, columns, lastCell) {
			b.WriteString(row + "\n")
		}
	}
	return b.String()
}
