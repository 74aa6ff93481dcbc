// SPDX-License-Identifier: Apache-2.0

// Command monitor is the monitor with Hubble that also sends flows to an OpenTelemetry collector. All else is as in the command
// of that name in module hubble.
package main

import (
	"github.com/cilium/monitor/hubble/internal/extensions"
	"github.com/cilium/monitor/hubble/otlp"
	"github.com/cilium/monitor/internal/cli"
)

func main() {
	cli.Main(append(extensions.All, cli.Extension{
		Cell:  otlp.Cell,
		Title: "Export of flows to an OpenTelemetry collector",
		Flags: otlp.Flags,
	})...)
}
