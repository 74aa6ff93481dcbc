// SPDX-License-Identifier: Apache-2.0

package packet

import "net/netip"

// Sizes of headers in bytes.
const (
	IPv4Size      = 20
	IPv6Size      = 40
	ExtensionSize = 8
	AHSize        = 12
	ESPSize       = 8
)

// Fields of fragments, in the units of the header.
const (
	ipv4MoreFragments  = 0x2000
	IPv4FragmentOffset = 0x1fff
	IPv6MoreFragments  = 0x0001
	IPv6FragmentOffset = 0xfff8
)

// noNextHeader is the protocol number of nothing.
const noNextHeader = 59

// SegmentRouting is the type of a routing header that has segments (RFC 8754).
const SegmentRouting = 4

func (d *Dissection) ipv4() (next LayerKind) {
	size := IPv4Size
	if rest := d.rest(); len(rest) > 0 {
		size = max(size, int(rest[0]&0xf)*4)
	}
	header, whole := d.take(LayerIPv4, size)
	if len(header) > 0 && (header[0]>>4 != 4 || header[0]&0xf < 5) {
		return d.malformed()
	}
	if len(header) < IPv4Size {
		return LayerNone
	}
	c := &d.h.Connection
	c.Src, c.Dst = netip.AddrFrom4([4]byte(header[12:])), netip.AddrFrom4([4]byte(header[16:]))
	fragment := be16(header[6:])
	c.FragmentOffset = fragment & IPv4FragmentOffset * 8
	c.setProtocol(header[9])
	if length := int(be16(header[2:])); length >= size {
		d.carry(length - size)
	} else if length > 0 { // 0 is of a packet that the device will split
		return d.malformed()
	}
	switch {
	case !whole || c.FragmentOffset > 0:
		return LayerNone
	case fragment&ipv4MoreFragments != 0:
		d.elsewhere = true
	}
	return d.byProtocol(header[9])
}

func (d *Dissection) ipv6() (next LayerKind) {
	header, whole := d.take(LayerIPv6, IPv6Size)
	if len(header) > 0 && header[0]>>4 != 6 {
		return d.malformed()
	}
	if !whole {
		return LayerNone
	}
	d.h.V6 = true
	c := &d.h.Connection
	c.Src, c.Dst = netip.AddrFrom16([16]byte(header[8:])).Unmap(), netip.AddrFrom16([16]byte(header[24:])).Unmap()
	// A packet of more than 64 KiB has length 0, with or without the option that has the true one.
	if length := int(be16(header[4:])); length > 0 {
		d.carry(length)
	}
	return d.byProtocol(header[6])
}

// byProtocol returns the layer that an IP protocol number announces.
func (d *Dissection) byProtocol(number uint8) (next LayerKind) {
	d.h.setProtocol(number)
	next = ipLayers[number]
	switch next {
	case LayerIPv4:
		if d.h.V6 {
			return d.encapsulated(Tunnel4in6, LayerIPv4)
		}
		return d.encapsulated(TunnelIPIP, LayerIPv4)
	case LayerIPv6:
		if d.h.V6 {
			return d.encapsulated(Tunnel6in6, LayerIPv6)
		}
		return d.encapsulated(Tunnel6in4, LayerIPv6)
	case LayerEthernet:
		return d.encapsulated(TunnelEthernet, LayerEthernet)
	case LayerMPLS:
		return d.encapsulated(TunnelMPLS, LayerMPLS)
	case LayerHopByHop, LayerRouting, LayerFragment, LayerDestination, LayerMobility, LayerShim6:
		if !d.h.V6 { // extensions are of IPv6 alone
			return LayerOther
		}
		return next
	default:
		return next
	}
}

// encapsulated begins a packet that IP carries, by segment routing if the headers say so.
func (d *Dissection) encapsulated(t Tunnel, next LayerKind) LayerKind {
	if d.h.segments {
		t = TunnelSRv6
	}
	d.enter(t)
	return next
}

// extension walks over an extension header of IPv6 of the common form.
func (d *Dissection) extension(kind LayerKind) (next LayerKind) {
	size := ExtensionSize
	if rest := d.rest(); len(rest) > 1 {
		size += int(rest[1]) * 8
	}
	header, whole := d.take(kind, size)
	if kind == LayerRouting && len(header) > 2 && header[2] == SegmentRouting {
		d.h.segments = true
	}
	if !whole || header[0] == noNextHeader && kind != LayerHopByHop && kind != LayerRouting && kind != LayerDestination {
		return LayerNone // without a next header, it is what the packet is about
	}
	return d.byProtocol(header[0])
}

func (d *Dissection) fragment() (next LayerKind) {
	header, whole := d.take(LayerFragment, ExtensionSize)
	if !whole {
		return LayerNone
	}
	c := &d.h.Connection
	fragment := be16(header[2:])
	c.FragmentOffset = fragment & IPv6FragmentOffset
	if c.FragmentOffset > 0 {
		c.setProtocol(header[0])
		return LayerNone
	}
	if fragment&IPv6MoreFragments != 0 {
		d.elsewhere = true
	}
	return d.byProtocol(header[0])
}

func (d *Dissection) ah() (next LayerKind) {
	size := AHSize
	if rest := d.rest(); len(rest) > 1 {
		size = max(size, (int(rest[1])+2)*4)
	}
	header, whole := d.take(LayerAH, size)
	switch {
	case len(header) > 1 && (int(header[1])+2)*4 < AHSize:
		return d.malformed()
	case !whole:
		return LayerNone
	}
	return d.byProtocol(header[0])
}
