// SPDX-License-Identifier: Apache-2.0

package format

// Sizes of headers in bytes.
const (
	tcpSize     = 20
	udpSize     = 8
	udpLiteSize = 8
	sctpSize    = 12
	dccpSize    = 12 // without the other half of the sequence number
	icmpv4Size  = 8
	icmpv6Size  = 4 // what all messages have
	portsSize   = 4
)

// tcpFlagsOffset is where the flags are in a TCP header.
const tcpFlagsOffset = 13

func (d *dissection) tcp() (next layerKind) {
	size := tcpSize
	if rest := d.rest(); len(rest) > 12 {
		size = max(size, int(rest[12]>>4)*4)
	}
	header, _ := d.take(layerTCP, size)
	d.ports(header)
	if len(header) > tcpFlagsOffset {
		d.h.conn.tcpFlags = header[tcpFlagsOffset]
	}
	if len(header) > 12 && header[12]>>4 < 5 {
		d.malformed()
	}
	return layerNone
}

func (d *dissection) ports(header []byte) {
	if len(header) >= portsSize {
		d.h.conn.srcPort, d.h.conn.dstPort, d.h.conn.hasPorts = be16(header), be16(header[2:]), true
	}
}

func (d *dissection) udp() (next layerKind) {
	header, whole := d.take(layerUDP, udpSize)
	d.ports(header)
	if !whole {
		return layerNone
	}
	if length := int(be16(header[4:])); length >= udpSize {
		d.carry(length - udpSize)
	} else if length > 0 { // 0 is of a datagram of more than 64 KiB
		return d.malformed()
	}
	overlay := d.overlay
	switch {
	case d.h.quoted, overlay == tunnelNone && len(d.headers) > 1:
		overlay = d.overlayByPort()
	default:
		d.overlay = tunnelNone
	}
	switch {
	case overlay == tunnelVXLAN && d.isVXLAN():
		return layerVXLAN
	case overlay == tunnelGeneve && d.isGeneve():
		return layerGeneve
	default:
		return layerNone
	}
}

// otherTransport walks over the header of a protocol that begins with ports.
func (d *dissection) otherTransport(kind layerKind) (next layerKind) {
	var size int
	switch rest := d.rest(); kind {
	case layerSCTP:
		size = sctpSize
	case layerUDPLite:
		size = udpLiteSize
	default: // layerDCCP
		size = dccpSize
		if len(rest) > 4 {
			size = max(size, int(rest[4])*4)
		}
	}
	header, _ := d.take(kind, size)
	d.ports(header)
	if kind == layerDCCP && len(header) > 4 && int(header[4])*4 < dccpSize {
		d.malformed()
	}
	return layerNone
}

// Types of ICMP that are about a packet, which they quote.
const (
	icmpv4Unreachable      = 3
	icmpv4SourceQuench     = 4
	icmpv4Redirect         = 5
	icmpv4TimeExceeded     = 11
	icmpv4ParameterProblem = 12

	icmpv6LastError = 127 // all types up to it are errors
	icmpv6Redirect  = 137
)

func (d *dissection) icmp(header []byte) {
	if len(header) >= 2 {
		d.h.conn.icmpTypeCode, d.h.conn.hasICMP = be16(header), true
	}
}

func (d *dissection) icmpv4() (next layerKind) {
	header, whole := d.take(layerICMPv4, icmpv4Size)
	d.icmp(header)
	if !whole {
		return layerNone
	}
	switch header[0] {
	case icmpv4Unreachable, icmpv4SourceQuench, icmpv4Redirect, icmpv4TimeExceeded, icmpv4ParameterProblem:
		return d.quote(layerIPv4)
	default:
		return layerNone
	}
}

func (d *dissection) icmpv6() (next layerKind) {
	header, whole := d.take(layerICMPv6, icmpv6Size)
	d.icmp(header)
	rest := d.rest()
	switch {
	case !whole:
		return layerNone
	case header[0] <= icmpv6LastError:
		d.off += min(4, len(rest)) // the field that depends on the type
		return d.quote(layerIPv6)
	case header[0] == icmpv6Redirect:
		if n := redirectedHeader(rest); n > 0 {
			d.off += n
			return d.quote(layerIPv6)
		}
	}
	return layerNone
}

// redirectedHeader returns where the packet begins that the body of a redirect (RFC 4861) quotes, 0
// without one.
func redirectedHeader(body []byte) int {
	const fixed, optionRedirectedHeader, beforePacket = 36, 4, 8
	for off := fixed; off+beforePacket < len(body); {
		size := int(body[off+1]) * 8
		switch {
		case size == 0:
			return 0
		case body[off] == optionRedirectedHeader:
			return off + beforePacket
		}
		off += size
	}
	return 0
}

// quote begins the packet that an ICMP error is about. Only its begin is there, if anything.
func (d *dissection) quote(next layerKind) layerKind {
	if d.room() == 0 {
		return layerNone
	}
	d.elsewhere = true
	d.begin(true)
	return next
}
