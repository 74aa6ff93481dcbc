// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strings"

	"github.com/cilium/monitor/internal/fold"
)

// foldIndent is how far rows behind the first one of a line are indented.
const foldIndent = 2

// fold folds the lines in dst from begin on to the width of the terminal, between words, on levels that leave nothing out.
func (f *Formatter) fold(dst []byte, begin int) []byte {
	if f.opts.Width == nil || !f.all() {
		return dst
	}
	width := f.opts.Width()
	if width <= 0 {
		return dst
	}
	text := string(dst[begin:])
	dst = dst[:begin]
	for line := range strings.Lines(text) {
		line = strings.ToValidUTF8(strings.TrimSuffix(line, "\n"), "\uFFFD")
		dst = append(appendFolded(dst, line, width), '\n')
	}
	return dst
}

// appendFolded appends a line in rows. Its colors take no room.
func appendFolded(dst []byte, line string, width int) []byte {
	if name, rest, found := strings.Cut(line, "\t"); found { // as the terminal does
		line = name + strings.Repeat(" ", 8-len(name)%8) + rest
	}
	var plain strings.Builder
	for rest := line; rest != ""; rest = rest[1:] {
		if rest = rest[len(escapes(rest)):]; rest == "" {
			break
		}
		plain.WriteByte(rest[0])
	}
	for i, row := range fold.Line(plain.String(), width, foldIndent) {
		if i > 0 {
			word := strings.TrimLeft(row, " ")
			dst = append(append(dst, '\n'), row[:len(row)-len(word)]...)
			row = word
			for before := ""; line != before; { // what is not in the rows
				before = line
				sequence := escapes(line)
				dst = append(dst, sequence...)
				line = strings.TrimLeft(line[len(sequence):], " ")
			}
		}
		for j := range len(row) {
			sequence := escapes(line)
			dst = append(append(dst, sequence...), row[j])
			line = line[len(sequence)+1:]
		}
	}
	return append(dst, escapes(line)...)
}

// escapes returns the escape sequences of colors that text begins with.
func escapes(text string) string {
	n := 0
	for n < len(text) && text[n] == '\x1b' {
		end := strings.IndexByte(text[n:], 'm')
		if end < 0 {
			break
		}
		n += end + 1
	}
	return text[:n]
}
