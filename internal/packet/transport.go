// SPDX-License-Identifier: Apache-2.0

package packet

// Sizes of headers in bytes.
const (
	TCPSize     = 20
	udpSize     = 8
	udpLiteSize = 8
	sctpSize    = 12
	dccpSize    = 12 // without the other half of the sequence number
	icmpv4Size  = 8
	ICMPv6Size  = 4 // what all messages have
	PortsSize   = 4
)

// TCPFlagsOffset is where the flags are in a TCP header.
const TCPFlagsOffset = 13

func (d *Dissection) tcp() (next LayerKind) {
	size := TCPSize
	if rest := d.rest(); len(rest) > 12 {
		size = max(size, int(rest[12]>>4)*4)
	}
	header, _ := d.take(LayerTCP, size)
	d.ports(header)
	if len(header) > TCPFlagsOffset {
		d.h.TCPFlags = header[TCPFlagsOffset]
	}
	if len(header) > 12 && header[12]>>4 < 5 {
		d.malformed()
	}
	return LayerNone
}

func (d *Dissection) ports(header []byte) {
	if len(header) >= PortsSize {
		d.h.SrcPort, d.h.DstPort, d.h.HasPorts = be16(header), be16(header[2:]), true
	}
}

func (d *Dissection) udp() (next LayerKind) {
	header, whole := d.take(LayerUDP, udpSize)
	d.ports(header)
	if !whole {
		return LayerNone
	}
	if length := int(be16(header[4:])); length >= udpSize {
		d.carry(length - udpSize)
	} else if length > 0 { // 0 is of a datagram of more than 64 KiB
		return d.malformed()
	}
	overlay := d.overlay
	switch {
	case d.h.Quoted, overlay == TunnelNone && len(d.Headers) > 1:
		overlay = d.overlayByPort()
	default:
		d.overlay = TunnelNone
	}
	switch {
	case overlay == TunnelVXLAN && d.isVXLAN():
		return LayerVXLAN
	case overlay == TunnelGeneve && d.isGeneve():
		return LayerGeneve
	default:
		return LayerNone
	}
}

// otherTransport walks over the header of a protocol that begins with ports.
func (d *Dissection) otherTransport(kind LayerKind) (next LayerKind) {
	var size int
	switch rest := d.rest(); kind {
	case LayerSCTP:
		size = sctpSize
	case LayerUDPLite:
		size = udpLiteSize
	default: // LayerDCCP
		size = dccpSize
		if len(rest) > 4 {
			size = max(size, int(rest[4])*4)
		}
	}
	header, _ := d.take(kind, size)
	d.ports(header)
	if kind == LayerDCCP && len(header) > 4 && int(header[4])*4 < dccpSize {
		d.malformed()
	}
	return LayerNone
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

func (d *Dissection) icmp(header []byte) {
	if len(header) >= 2 {
		d.h.ICMPTypeCode, d.h.HasICMP = be16(header), true
	}
}

func (d *Dissection) icmpv4() (next LayerKind) {
	header, whole := d.take(LayerICMPv4, icmpv4Size)
	d.icmp(header)
	if !whole {
		return LayerNone
	}
	switch header[0] {
	case icmpv4Unreachable, icmpv4SourceQuench, icmpv4Redirect, icmpv4TimeExceeded, icmpv4ParameterProblem:
		return d.quote(LayerIPv4)
	default:
		return LayerNone
	}
}

func (d *Dissection) icmpv6() (next LayerKind) {
	header, whole := d.take(LayerICMPv6, ICMPv6Size)
	d.icmp(header)
	rest := d.rest()
	switch {
	case !whole:
		return LayerNone
	case header[0] <= icmpv6LastError:
		d.off += min(4, len(rest)) // the field that depends on the type
		return d.quote(LayerIPv6)
	case header[0] == icmpv6Redirect:
		if n := redirectedHeader(rest); n > 0 {
			d.off += n
			return d.quote(LayerIPv6)
		}
	}
	return LayerNone
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
func (d *Dissection) quote(next LayerKind) LayerKind {
	if d.room() == 0 {
		return LayerNone
	}
	d.elsewhere = true
	d.begin(true)
	return next
}
