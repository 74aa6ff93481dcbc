// SPDX-License-Identifier: Apache-2.0

// Command monitor is the monitor with Hubble: its agent serves Hubble's API, too, and exports flows. All else is as in the command of
// that name without Hubble.
package main

import (
	"github.com/cilium/monitor/hubble/internal/extensions"
	"github.com/cilium/monitor/internal/cli"
)

func main() { cli.Main(extensions.All...) }
