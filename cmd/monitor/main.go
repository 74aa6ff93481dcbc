// SPDX-License-Identifier: Apache-2.0

// Command monitor shows what a BPF datapath does to packets: its agent reads the
// datapath's events, its other commands show them.
package main

import "github.com/cilium/monitor/internal/cli"

func main() { cli.Main() }
