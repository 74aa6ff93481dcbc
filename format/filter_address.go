// SPDX-License-Identifier: Apache-2.0

package format

import "net/netip"

// hasAddress reports whether an address of the network is source or destination, as far as these are asked
// for, of a packet that s has, or what one of its headers says of who is asked for or comes next.
func (d *dissection) hasAddress(s scope, network netip.Prefix, src, dst bool) bool {
	for i := range d.headers {
		c := &d.headers[i].conn
		if s.has(&d.headers[i]) && (src && contains(network, c.src) || dst && contains(network, c.dst)) {
			return true
		}
	}
	for i := range d.layers {
		if l := &d.layers[i]; s.has(&d.headers[l.in]) && d.saysAddress(l, network, src, dst) {
			return true
		}
	}
	return false
}

// saysAddress reports whether a header that is not IP's has an address of the network: ARP and neighbour
// discovery that of who asks or answers, as a source, and that of who is asked for, as a destination;
// routing headers those of the way.
func (d *dissection) saysAddress(l *layer, network netip.Prefix, src, dst bool) bool {
	header := d.header(l)
	switch {
	case l.kind == layerARP && len(header) >= arpFixedSize && be16(header[2:]) == etherTypeIPv4 && header[5] == 4:
		hardware := int(header[4])
		return src && containsAt(network, header, arpFixedSize+hardware, 4) ||
			dst && containsAt(network, header, arpFixedSize+hardware+4+hardware, 4)
	case l.kind == layerICMPv6 && len(header) > 0 && (header[0] == neighbourSolicitation && dst || header[0] == neighbourAdvertisement && src):
		return containsAt(network, d.payload(l), 4, 16)
	case l.kind == layerRouting && dst && len(header) > 2 && (header[2] == segmentRouting || header[2] <= 2):
		for at := extensionSize; at < len(header); at += 16 {
			if containsAt(network, header, at, 16) {
				return true
			}
		}
	}
	return false
}

// Types of ICMPv6, see RFC 4861.
const (
	neighbourSolicitation  = 135
	neighbourAdvertisement = 136
)

// containsAt reports whether the network has the address of size bytes that is at an offset.
func containsAt(network netip.Prefix, b []byte, at, size int) bool {
	if at+size > len(b) {
		return false
	}
	addr, _ := netip.AddrFromSlice(b[at : at+size])
	return contains(network, addr)
}

// contains reports whether the network has the address. One of IPv6 that is IPv4-mapped is in networks of both, as deny
// rules have it.
func contains(network netip.Prefix, addr netip.Addr) bool {
	return network.Contains(addr) || addr.Is4In6() && network.Contains(addr.Unmap())
}
