// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package format

import (
	"fmt"
	"net"
)

// Interfaces returns the interfaces of this host.
func Interfaces() ([]Interface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	interfaces := make([]Interface, 0, len(list))
	for _, i := range list {
		interfaces = append(interfaces, Interface{Index: uint32(i.Index), Name: i.Name})
	}
	return interfaces, nil
}
