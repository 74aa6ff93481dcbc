// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/metrics"
)

// fakeDrops has counts that never change.
type fakeDrops struct {
	counts              []metrics.KernelDrop
	missed              uint64
	countErr, missedErr error
}

func (f *fakeDrops) Counts() ([]metrics.KernelDrop, error) { return f.counts, f.countErr }
func (f *fakeDrops) Missed() (uint64, error)               { return f.missed, f.missedErr }

// TestKernelDrops collects counts of each kind.
func TestKernelDrops(t *testing.T) {
	drops := &fakeDrops{missed: 7, counts: []metrics.KernelDrop{
		{Reason: "NO_SOCKET", Function: "__udp4_lib_rcv", Device: "eth0", Direction: "ingress", Drops: 1000, Limited: 900},
		{Reason: "NO_SOCKET", Function: "tcp_v4_rcv", Device: "eth0", Direction: "ingress", Drops: 3, Limited: 1},
		{Function: "nf_hook_slow", Direction: "egress", Drops: 4},
		{Reason: "SOCKET_CLOSE", Function: "skb_queue_purge", Device: "eth0", Noise: true, Drops: 5},
		{Reason: "SOCKET_CLOSE", Function: "skb_queue_purge", Device: "eth1", Noise: true, Drops: 6},
		{},
	}}
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(metrics.NewKernelDropsCollector(drops)))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP cilium_monitor_kernel_drops_limited_total Packets that the kernel dropped and that left no event although somebody watched, since there were too many like it, by reason.
# TYPE cilium_monitor_kernel_drops_limited_total counter
cilium_monitor_kernel_drops_limited_total{reason="NO_SOCKET"} 901
cilium_monitor_kernel_drops_limited_total{reason="SOCKET_CLOSE"} 0
cilium_monitor_kernel_drops_limited_total{reason="unknown"} 0
# HELP cilium_monitor_kernel_drops_missed_total Packets that the kernel dropped while the same CPU was looking at another one: neither counted nor told.
# TYPE cilium_monitor_kernel_drops_missed_total counter
cilium_monitor_kernel_drops_missed_total 7
# HELP cilium_monitor_kernel_drops_noise_total What the kernel freed where it drops packets and that is no loss to anybody, by reason and function.
# TYPE cilium_monitor_kernel_drops_noise_total counter
cilium_monitor_kernel_drops_noise_total{function="skb_queue_purge",reason="SOCKET_CLOSE"} 11
# HELP cilium_monitor_kernel_drops_total Packets that the kernel dropped, by reason, function, device (unknown in other network namespaces than the agent's, and where the kernel does not know any more) and direction (ingress, egress), whether anybody watches or not.
# TYPE cilium_monitor_kernel_drops_total counter
cilium_monitor_kernel_drops_total{device="eth0",direction="ingress",function="__udp4_lib_rcv",reason="NO_SOCKET"} 1000
cilium_monitor_kernel_drops_total{device="eth0",direction="ingress",function="tcp_v4_rcv",reason="NO_SOCKET"} 3
cilium_monitor_kernel_drops_total{device="unknown",direction="egress",function="nf_hook_slow",reason="unknown"} 4
cilium_monitor_kernel_drops_total{device="unknown",direction="unknown",function="unknown",reason="unknown"} 0
`)))
	problems, err := testutil.CollectAndLint(metrics.NewKernelDropsCollector(drops))
	require.NoError(t, err)
	require.Empty(t, problems)
}

// TestKernelDropsThatCannotBeRead has a scrape fail rather than lack what could not be read.
func TestKernelDropsThatCannotBeRead(t *testing.T) {
	for _, drops := range []*fakeDrops{{countErr: errors.New("gone")}, {missedErr: errors.New("gone")}} {
		registry := prometheus.NewPedanticRegistry()
		require.NoError(t, registry.Register(metrics.NewKernelDropsCollector(drops)))
		_, err := registry.Gather()
		require.ErrorContains(t, err, "gone")
	}
}
