// SPDX-License-Identifier: Apache-2.0

package format

import "net/netip"

// Sizes of headers in bytes.
const (
	ipv4Size      = 20
	ipv6Size      = 40
	extensionSize = 8
	ahSize        = 12
	espSize       = 8
)

// Fields of fragments, in the units of the header.
const (
	ipv4MoreFragments  = 0x2000
	ipv4FragmentOffset = 0x1fff
	ipv6MoreFragments  = 0x0001
	ipv6FragmentOffset = 0xfff8
)

// noNextHeader is the protocol number of nothing.
const noNextHeader = 59

// segmentRouting is the type of a routing header that has segments (RFC 8754).
const segmentRouting = 4

func (d *dissection) ipv4() (next layerKind) {
	size := ipv4Size
	if rest := d.rest(); len(rest) > 0 {
		size = max(size, int(rest[0]&0xf)*4)
	}
	header, whole := d.take(layerIPv4, size)
	if len(header) > 0 && (header[0]>>4 != 4 || header[0]&0xf < 5) {
		return d.malformed()
	}
	if len(header) < ipv4Size {
		return layerNone
	}
	c := &d.h.conn
	c.src, c.dst = netip.AddrFrom4([4]byte(header[12:])), netip.AddrFrom4([4]byte(header[16:]))
	fragment := be16(header[6:])
	c.fragmentOffset = fragment & ipv4FragmentOffset * 8
	c.setProtocol(header[9])
	if length := int(be16(header[2:])); length >= size {
		d.carry(length - size)
	} else if length > 0 { // 0 is of a packet that the device will split
		return d.malformed()
	}
	switch {
	case !whole || c.fragmentOffset > 0:
		return layerNone
	case fragment&ipv4MoreFragments != 0:
		d.elsewhere = true
	}
	return d.byProtocol(header[9])
}

func (d *dissection) ipv6() (next layerKind) {
	header, whole := d.take(layerIPv6, ipv6Size)
	if len(header) > 0 && header[0]>>4 != 6 {
		return d.malformed()
	}
	if !whole {
		return layerNone
	}
	d.h.v6 = true
	c := &d.h.conn
	c.src, c.dst = netip.AddrFrom16([16]byte(header[8:])).Unmap(), netip.AddrFrom16([16]byte(header[24:])).Unmap()
	// A packet of more than 64 KiB has length 0, with or without the option that has the true one.
	if length := int(be16(header[4:])); length > 0 {
		d.carry(length)
	}
	return d.byProtocol(header[6])
}

// byProtocol returns the layer that an IP protocol number announces.
func (d *dissection) byProtocol(number uint8) (next layerKind) {
	d.h.conn.setProtocol(number)
	next = ipLayers[number]
	switch next {
	case layerIPv4:
		if d.h.v6 {
			return d.encapsulated(tunnel4in6, layerIPv4)
		}
		return d.encapsulated(tunnelIPIP, layerIPv4)
	case layerIPv6:
		if d.h.v6 {
			return d.encapsulated(tunnel6in6, layerIPv6)
		}
		return d.encapsulated(tunnel6in4, layerIPv6)
	case layerEthernet:
		return d.encapsulated(tunnelEthernet, layerEthernet)
	case layerMPLS:
		return d.encapsulated(tunnelMPLS, layerMPLS)
	case layerHopByHop, layerRouting, layerFragment, layerDestination, layerMobility, layerShim6:
		if !d.h.v6 { // extensions are of IPv6 alone
			return layerOther
		}
		return next
	default:
		return next
	}
}

// encapsulated begins a packet that IP carries, by segment routing if the headers say so.
func (d *dissection) encapsulated(t tunnel, next layerKind) layerKind {
	if d.h.segments {
		t = tunnelSRv6
	}
	d.enter(t)
	return next
}

// extension walks over an extension header of IPv6 of the common form.
func (d *dissection) extension(kind layerKind) (next layerKind) {
	size := extensionSize
	if rest := d.rest(); len(rest) > 1 {
		size += int(rest[1]) * 8
	}
	header, whole := d.take(kind, size)
	if kind == layerRouting && len(header) > 2 && header[2] == segmentRouting {
		d.h.segments = true
	}
	if !whole || header[0] == noNextHeader && kind != layerHopByHop && kind != layerRouting && kind != layerDestination {
		return layerNone // without a next header, it is what the packet is about
	}
	return d.byProtocol(header[0])
}

func (d *dissection) fragment() (next layerKind) {
	header, whole := d.take(layerFragment, extensionSize)
	if !whole {
		return layerNone
	}
	c := &d.h.conn
	fragment := be16(header[2:])
	c.fragmentOffset = fragment & ipv6FragmentOffset
	if c.fragmentOffset > 0 {
		c.setProtocol(header[0])
		return layerNone
	}
	if fragment&ipv6MoreFragments != 0 {
		d.elsewhere = true
	}
	return d.byProtocol(header[0])
}

func (d *dissection) ah() (next layerKind) {
	size := ahSize
	if rest := d.rest(); len(rest) > 1 {
		size = max(size, (int(rest[1])+2)*4)
	}
	header, whole := d.take(layerAH, size)
	switch {
	case len(header) > 1 && (int(header[1])+2)*4 < ahSize:
		return d.malformed()
	case !whole:
		return layerNone
	}
	return d.byProtocol(header[0])
}
