// SPDX-License-Identifier: Apache-2.0

// Package cidr reads networks as people write them.
package cidr

import (
	"fmt"
	"net/netip"
)

// Parse returns the network of a CIDR, or of an address alone. Bits outside of the mask stay, and
// so does an address that is IPv4 inside IPv6. An address with a zone is an error.
func Parse(text string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is neither a CIDR nor an address, such as 10.0.0.0/8, 10.0.0.1 or fd00::1", text)
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}
