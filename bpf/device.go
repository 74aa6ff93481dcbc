// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
)

type device struct {
	name  string
	index int
	l3    bool // packets have no Ethernet header
}

// findDevices returns the devices of these names, each once.
func findDevices(names []string) ([]device, error) {
	var devices []device
	for _, name := range names {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return nil, fmt.Errorf("device %q: %w (ip link lists those that are there)", name, err)
		}
		attrs := l.Attrs()
		dev := device{
			name:  attrs.Name,
			index: attrs.Index,
			l3:    attrs.EncapType != "ether" && attrs.EncapType != "loopback",
		}
		if !slices.Contains(devices, dev) {
			devices = append(devices, dev)
		}
	}
	return devices, nil
}
