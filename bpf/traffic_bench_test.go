// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/internal/wanted"
)

// BenchmarkUnwatchedPacket is what a packet costs that nobody watches and no rule is asked about: it is counted.
func BenchmarkUnwatchedPacket(b *testing.B) {
	requireRoot(b)
	spec, err := loadHost()
	require.NoError(b, err)
	spec.Maps[hostMapEventsWanted].Contents = []ebpf.MapKV{{Key: uint32(0), Value: wanted.Value{Version: wanted.Version}}}
	var objects hostObjects
	_, err = loadHostPrograms(spec, &objects, nil)
	require.NoError(b, err)
	defer objects.Close()
	packet := make([]byte, 1000)
	for b.Loop() {
		_, each, err := objects.ToNetwork.Benchmark(packet, 1_000_000, nil)
		require.NoError(b, err)
		b.ReportMetric(float64(each.Nanoseconds()), "ns/packet")
	}
}
