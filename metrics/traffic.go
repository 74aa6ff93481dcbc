// SPDX-License-Identifier: Apache-2.0

package metrics

import "github.com/prometheus/client_golang/prometheus"

// DeviceTraffic counts the packets of a device in one direction, ingress or egress.
type DeviceTraffic struct {
	Device, Direction string

	Packets uint64 // the segments of a large packet (GSO, GRO) count each
	Bytes   uint64
	Denied  uint64 // of the packets, those that a rule dropped; a large one counts once
}

// TrafficCollector collects the metrics of the devices that a datapath is attached to. They count whether anybody watches or
// not. Its methods may be called concurrently.
type TrafficCollector struct {
	traffic func() ([]DeviceTraffic, error)
}

// NewTrafficCollector returns the collector of what traffic returns, each device and direction once. It may be called
// concurrently.
func NewTrafficCollector(traffic func() ([]DeviceTraffic, error)) *TrafficCollector {
	return &TrafficCollector{traffic}
}

// Describe implements prometheus.Collector.
func (c *TrafficCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range ofTraffic {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *TrafficCollector) Collect(metrics chan<- prometheus.Metric) {
	out := output(metrics)
	devices, err := c.traffic()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(devicePackets, err)
		return
	}
	for _, d := range devices {
		name := label(d.Device)
		out.counter(devicePackets, d.Packets, name, d.Direction)
		out.counter(deviceBytes, d.Bytes, name, d.Direction)
		out.counter(deviceDenied, d.Denied, name, d.Direction)
	}
}
