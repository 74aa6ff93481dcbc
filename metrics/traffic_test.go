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

// TestTraffic collects the counts of two devices.
func TestTraffic(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(metrics.NewTrafficCollector(func() ([]metrics.DeviceTraffic, error) {
		return []metrics.DeviceTraffic{
			{Device: "eth0", Direction: "ingress", Packets: 10, Bytes: 1000, Denied: 3},
			{Device: "eth0", Direction: "egress", Packets: 20, Bytes: 3000},
			{Device: "eth1", Direction: "egress"},
		}, nil
	})))
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP cilium_monitor_device_bytes_total Bytes of these packets.
# TYPE cilium_monitor_device_bytes_total counter
cilium_monitor_device_bytes_total{device="eth0",direction="egress"} 3000
cilium_monitor_device_bytes_total{device="eth0",direction="ingress"} 1000
cilium_monitor_device_bytes_total{device="eth1",direction="egress"} 0
# HELP cilium_monitor_device_denied_packets_total Those of these packets that a rule of the embedded datapath dropped.
# TYPE cilium_monitor_device_denied_packets_total counter
cilium_monitor_device_denied_packets_total{device="eth0",direction="egress"} 0
cilium_monitor_device_denied_packets_total{device="eth0",direction="ingress"} 3
cilium_monitor_device_denied_packets_total{device="eth1",direction="egress"} 0
# HELP cilium_monitor_device_packets_total Packets of the devices that the embedded datapath is attached to, by device and direction (ingress, egress), whether anybody watches or not.
# TYPE cilium_monitor_device_packets_total counter
cilium_monitor_device_packets_total{device="eth0",direction="egress"} 20
cilium_monitor_device_packets_total{device="eth0",direction="ingress"} 10
cilium_monitor_device_packets_total{device="eth1",direction="egress"} 0
`)))
}

// TestTrafficThatCannotBeRead has a scrape fail rather than lack what could not be read.
func TestTrafficThatCannotBeRead(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(metrics.NewTrafficCollector(func() ([]metrics.DeviceTraffic, error) { return nil, errors.New("gone") })))
	_, err := registry.Gather()
	require.ErrorContains(t, err, "gone")
}
