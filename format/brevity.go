// SPDX-License-Identifier: Apache-2.0

package format

import "unicode/utf8"

// brevity says what a line leaves out, of what is not needed to know who talks to whom and why it was
// dropped. Each has what the one before has, and more.
type brevity uint8

const (
	withEverything    brevity = iota
	withoutOrigin             // the address before a translation, trace ids, marks; the kernel's function stands for no reason
	withoutIdentities         // security identities
	withoutEndpoints          // endpoints, but the one that is where the packet goes; the direction of a denial
	withoutState              // state of the connection, kind of match; a deny rule stands for "Policy denied"
	withoutPlace              // the interface; "to" and "from", which the word of the line says

	shortest = withoutPlace
)

// columns returns how many columns of a terminal a line takes, without the escape sequences of its colors.
func columns(line []byte) (n int) {
	for len(line) > 0 {
		if line[0] == '\x1b' {
			for len(line) > 0 && line[0] != 'm' {
				line = line[1:]
			}
			line = line[min(1, len(line)):]
			continue
		}
		_, size := utf8.DecodeRune(line)
		line = line[size:]
		n++
	}
	return n
}
