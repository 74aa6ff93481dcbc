// SPDX-License-Identifier: Apache-2.0

// Command monitor is the monitor with Hubble: its agent serves Hubble's API, too. All else is as in the command of that name
// without Hubble.
package main

import (
	"github.com/cilium/monitor/hubble"
	"github.com/cilium/monitor/internal/cli"
)

func main() {
	cli.Main(cli.Extension{
		Cell:  hubble.Cell,
		Title: "Hubble",
		Flags: hubble.Flags,
		Files: []string{
			"hubble-socket-path", "hubble-tls-cert-file", "hubble-tls-key-file", "hubble-tls-client-ca-files", "hubble-peers-file",
		},
	})
}
