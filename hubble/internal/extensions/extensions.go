// SPDX-License-Identifier: Apache-2.0

// Package extensions has what a monitor with Hubble has beyond one without.
package extensions

import (
	"github.com/cilium/monitor/hubble"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/internal/cli"
)

// All are Hubble's API and the export of flows to files.
var All = []cli.Extension{
	{
		Cell:  hubble.Cell,
		Title: "Hubble",
		Flags: hubble.Flags,
		Files: []string{
			"hubble-socket-path", "hubble-tls-cert-file", "hubble-tls-key-file", "hubble-tls-client-ca-files", "hubble-peers-file",
		},
	},
	{
		Cell:  export.Cell,
		Title: "Export of flows to a file",
		Flags: export.Flags,
		Files: []string{"hubble-export-file-path"},
	},
}
