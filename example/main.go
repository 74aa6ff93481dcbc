// SPDX-License-Identifier: Apache-2.0

// Dropcounter is a program with the monitor and a cell of its own.
package main

import (
	"log"
	"log/slog"

	"github.com/cilium/hive"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/bpf"
)

func main() {
	// bpf.Cell is a small datapath; with one of your own, provide monitor.DatapathReady or call AttachToMap.
	if err := hive.New(monitor.Cell, bpf.Cell, dropsCell).Run(slog.Default()); err != nil {
		log.Fatal(err)
	}
}
