// SPDX-License-Identifier: Apache-2.0

//go:build !man

// Command monitor shows what a BPF datapath does to packets: its agent reads the
// datapath's events, its other commands show them.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := newCommand().Execute(); err != nil {
		lastWords := outputs{stallTimeout: stallTimeout}
		if errors.Is(err, errBlocked) {
			lastWords.stallTimeout = 0 // it may be the same that is blocked
		}
		fmt.Fprintln(lastWords.of(os.Stderr), "Error:", oneLine(err))
		os.Exit(exitCode(err))
	}
}
