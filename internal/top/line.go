// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"
	"unicode/utf8"
)

// Style is how a text stands out.
type Style int

const (
	Plain    Style = iota
	Faint          // what is there every time
	Strong         // what things are called
	Selected       // what keys are for
	Alarm          // dropped, denied, lost
	Good           // let through
)

// Span is text of one style, printable and in one column for each rune.
type Span struct {
	Text  string
	Style Style
}

// Line is a row of the terminal.
type Line []Span

// String returns the text without styles.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}

func (l Line) width() (columns int) {
	for _, s := range l {
		columns += utf8.RuneCountInString(s.Text)
	}
	return columns
}

// fit returns the line in exactly so many columns: cut, or filled with spaces of the style of its end.
func (l Line) fit(columns int) Line {
	var fitted Line
	for _, s := range l {
		n := utf8.RuneCountInString(s.Text)
		if n > columns {
			s.Text = string([]rune(s.Text)[:columns])
			n = columns
		}
		fitted = append(fitted, s)
		columns -= n
	}
	if columns > 0 {
		style := Plain
		if len(l) > 0 {
			style = l[len(l)-1].Style
		}
		fitted = append(fitted, Span{strings.Repeat(" ", columns), style})
	}
	return fitted
}

// justify returns a line that has one part at the left and one at the right, which goes before it.
func justify(left, right Line, columns int) Line {
	if space := columns - right.width(); space > 0 {
		return append(left.fit(space), right...)
	}
	return right.fit(columns)
}

// indent is that of rows behind the first one of a text.
const indent = 2
