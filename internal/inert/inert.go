// SPDX-License-Identifier: Apache-2.0

// Package inert makes text that comes from outside harmless to print: events, names of processes
// and network interfaces, errors.
//
// What it returns is valid UTF-8 of printable characters. It has no control characters, which
// drive a terminal and end a line, no characters that change the direction of text, and none
// that cannot be seen: they are escaped as in Go or JSON. Passwords in URLs are replaced.
package inert

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteSet is a set of bytes.
type byteSet [256]bool

// none tells whether no byte of text is in the set.
func (s *byteSet) none(text string) bool {
	for i := range len(text) {
		if s[text[i]] {
			return false
		}
	}
	return true
}

// needsLook has the bytes without which text is inert as it is: what may need an escape, and
// what each password has behind it.
var needsLook = func() (set byteSet) {
	for c := range set {
		set[c] = c < ' ' || c > '~' || c == '@' || c == '%' || c == '\\'
	}
	return set
}()

// Append appends text as a part of one line.
func Append(dst []byte, text string) []byte {
	if needsLook.none(text) {
		return append(dst, text...)
	}
	return appendEscaped(dst, Redact(text))
}

// String returns text as a part of one line.
func String(text string) string {
	if needsLook.none(text) {
		return text
	}
	return string(Append(nil, text))
}

func appendEscaped(dst []byte, text string) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\x%02x`, text[i])
		case IsPrint(r):
			dst = append(dst, text[i:i+size]...)
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r > 0xffff:
			dst = fmt.Appendf(dst, `\U%08x`, r)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		i += size
	}
	return dst
}

// IsPrint tells whether a character can be seen, or is the ASCII space.
func IsPrint(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r <= '~'
	}
	return strconv.IsPrint(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// brailleBlank is a pattern of no dots, which Unicode counts as a symbol.
const brailleBlank = '\u2800'

// Lines returns text that may have several lines.
func Lines(text string) string {
	var dst []byte
	for line := range strings.Lines(text) {
		content, ended := strings.CutSuffix(line, "\n")
		dst = Append(dst, content)
		if ended {
			dst = append(dst, '\n')
		}
	}
	return string(dst)
}

// Writer returns a writer of Lines to w. Each Write must be of whole lines.
func Writer(w io.Writer) io.Writer { return writer{w} }

type writer struct{ io.Writer }

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) {
	if _, err := io.WriteString(w.Writer, Lines(string(b))); err != nil {
		return 0, err
	}
	return len(b), nil
}
