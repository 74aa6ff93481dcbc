// SPDX-License-Identifier: Apache-2.0

package packet

import "net/netip"

// HasAddress reports whether an address of the network is source or destination, as far as these are asked
// for, of a packet that s has, or what one of its headers says of who is asked for or comes next.
func (d *Dissection) HasAddress(s Scope, network netip.Prefix, src, dst bool) bool {
	for i := range d.Headers {
		h := &d.Headers[i]
		if s.Has(h) && (src && h.isIn(network, h.Src) || dst && h.isIn(network, h.Dst)) {
			return true
		}
	}
	for i := range d.Layers {
		if l := &d.Layers[i]; s.Has(&d.Headers[l.In]) && d.saysAddress(l, network, src, dst) {
			return true
		}
	}
	return false
}

// saysAddress reports whether a header that is not IP's has an address of the network: ARP and neighbour
// discovery that of who asks or answers, as a source, and that of who is asked for, as a destination;
// redirects, as destinations, the one that is redirected and where to; IGMP and MLD those of groups, as
// destinations; routing headers those of the way.
func (d *Dissection) saysAddress(l *Layer, network netip.Prefix, src, dst bool) bool {
	header := d.Header(l)
	switch {
	case l.Kind == LayerARP && len(header) >= ARPFixedSize && be16(header[2:]) == EtherTypeIPv4 && header[5] == 4:
		hardware := int(header[4])
		return src && containsAt(network, header, ARPFixedSize+hardware, 4) ||
			dst && containsAt(network, header, ARPFixedSize+hardware+4+hardware, 4)
	case l.Kind == LayerICMPv6 && len(header) > 0:
		return icmpv6SaysAddress(header[0], d.Payload(l), network, src, dst)
	case l.Kind == LayerIGMP && dst && len(header) > 0 && !d.Headers[l.In].V6:
		if header[0] == IGMPReport3 {
			return len(header) >= IGMPReportRecords && hasGroup(header[IGMPReportRecords:], be16(header[6:]), network, 4)
		}
		return containsAt(network, header, 4, 4)
	case l.Kind == LayerRouting && dst && len(header) > 2 && (header[2] == SegmentRouting || header[2] <= 2):
		for at := ExtensionSize; at < len(header); at += 16 {
			if containsAt(network, header, at, 16) {
				return true
			}
		}
	}
	return false
}

// Types of ICMPv6, see RFC 4861, RFC 2710 and RFC 3810.
const (
	listenerQuery          = 130
	listenerReport         = 131
	listenerDone           = 132
	neighbourSolicitation  = 135
	neighbourAdvertisement = 136
	listenerReport2        = 143
)

// icmpv6SaysAddress is saysAddress for a message of a type, of which body is what follows the checksum.
func icmpv6SaysAddress(typ uint8, body []byte, network netip.Prefix, src, dst bool) bool {
	const first, second, size = 4, 4 + 16, 16 // where addresses are
	switch typ {
	case neighbourSolicitation, listenerQuery, listenerReport, listenerDone:
		return dst && containsAt(network, body, first, size)
	case neighbourAdvertisement:
		return src && containsAt(network, body, first, size)
	case icmpv6Redirect:
		return dst && (containsAt(network, body, first, size) || containsAt(network, body, second, size))
	case listenerReport2:
		return dst && len(body) >= first && hasGroup(body[first:], be16(body[2:]), network, size)
	default:
		return false
	}
}

// hasGroup reports whether one of n group records is of a group of the network. IGMP and MLD have the same, with
// addresses of another size.
func hasGroup(records []byte, n uint16, network netip.Prefix, size int) bool {
	const fixed = 4
	for range n {
		if len(records) < fixed {
			return false
		}
		if containsAt(network, records, fixed, size) {
			return true
		}
		whole := fixed + size*(1+int(be16(records[2:]))) + 4*int(records[1]) // with sources and auxiliary data
		records = records[min(whole, len(records)):]
	}
	return false
}

// containsAt reports whether the network has the address of size bytes that is at an offset.
func containsAt(network netip.Prefix, b []byte, at, size int) bool {
	if at+size > len(b) {
		return false
	}
	addr, _ := netip.AddrFromSlice(b[at : at+size])
	return contains(network, addr)
}

// isIn reports whether an address of h is in the network. One of IPv6 that is IPv4-mapped, and has become IPv4, is in
// networks of both, as deny rules have it.
func (h *Headers) isIn(network netip.Prefix, addr netip.Addr) bool {
	return network.Contains(addr) || h.V6 && addr.Is4() && network.Contains(netip.AddrFrom16(addr.As16()))
}

// contains reports whether the network has an address that is in a message. An IPv4-mapped one is in networks of both
// families, too.
func contains(network netip.Prefix, addr netip.Addr) bool {
	return network.Contains(addr) || addr.Is4In6() && network.Contains(addr.Unmap())
}
