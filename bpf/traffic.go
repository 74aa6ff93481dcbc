// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/metrics"
)

// Traffic returns the packets that the devices have received and sent since the programs were attached to them, and those
// that a rule denied, whether anybody watches or not. It is safe for concurrent use, but not with Close.
func (d *Datapath) Traffic() ([]metrics.DeviceTraffic, error) {
	var (
		all  []metrics.DeviceTraffic
		key  hostTrafficKey
		cpus []hostTrafficCount
	)
	counts := d.objects.Traffic.Iterate()
	for counts.Next(&key, &cpus) {
		name, ok := d.keeper.nameOf(int(key.Ifindex))
		if !ok {
			continue // not attached yet, or not any more
		}
		t := metrics.DeviceTraffic{Device: name, Direction: api.PolicyDirectionName(uint8(api.PolicyIngress + key.Egress))}
		for _, cpu := range cpus {
			t.Packets += cpu.Packets
			t.Bytes += cpu.Bytes
			t.Denied += cpu.Denied
		}
		all = append(all, t)
	}
	if err := counts.Err(); err != nil {
		return nil, fmt.Errorf("read the counts of the devices: %w", err)
	}
	return all, nil
}
