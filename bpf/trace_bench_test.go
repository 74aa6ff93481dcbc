// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
)

// BenchmarkTrace is what a packet costs for which a trace is made, without writing it: nobody reads the events map.
func BenchmarkTrace(b *testing.B) {
	requireRoot(b)
	spec, err := loadHost()
	require.NoError(b, err)
	var objects hostObjects
	_, err = loadHostPrograms(spec, &objects, nil)
	require.NoError(b, err)
	defer objects.Close()
	packet := udp4("10.0.0.1", "10.0.0.2", 53)
	for name, prog := range map[string]*ebpf.Program{"in": objects.FromNetwork, "out": objects.ToNetwork} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, each, err := prog.Benchmark(packet, 1_000_000, nil)
				require.NoError(b, err)
				b.ReportMetric(float64(each.Nanoseconds()), "ns/packet")
			}
		})
	}
}
