// SPDX-License-Identifier: Apache-2.0

// Package tcpaddr has the addresses of connections as they are in packets.
package tcpaddr

import (
	"net"
	"net/netip"
)

// Of returns an address of TCP as it is in packets: an IPv4 one as such, and without a zone. ok is false for one of anything else.
func Of(addr net.Addr) (_ netip.AddrPort, ok bool) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	a := tcp.AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port()), true
}
