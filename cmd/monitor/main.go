// SPDX-License-Identifier: Apache-2.0

//go:build !man

// Command monitor shows what a BPF datapath does to packets: its agent reads the
// datapath's events, its other commands show them.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", oneLine(err))
		os.Exit(exitCode(err))
	}
}
