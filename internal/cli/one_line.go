// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	"github.com/cilium/monitor/internal/inert"
)

// oneLine returns the text of an error, which has several lines if errors were joined, and can have
// anything in it that was read from a file or given as a flag.
func oneLine(err error) string {
	var b strings.Builder
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case strings.HasSuffix(b.String(), ":"):
			b.WriteString(" ")
		case b.Len() > 0:
			b.WriteString("; ")
		}
		b.WriteString(line)
	}
	return inert.String(b.String())
}
