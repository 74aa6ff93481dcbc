// SPDX-License-Identifier: Apache-2.0

// Command monitor shows what a BPF datapath does to packets: its agent reads the
// datapath's events, its other commands show them.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", oneLine(err))
		os.Exit(exitCode(err))
	}
}

// oneLine returns the text of an error, which has several lines if errors were joined.
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
	return b.String()
}
