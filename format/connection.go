// SPDX-License-Identifier: Apache-2.0

package format

import "net/netip"

// connection is who talks to whom. What a packet does not have is zero.
type connection struct {
	src, dst         netip.Addr // never IPv4-mapped
	srcPort, dstPort uint16
	hasPorts         bool
	hasProtocol      bool
	protocol         uint8 // IP protocol number of what is behind all extension headers
	tcpFlags         uint8 // bits of the TCP header, as in tcpFlagNames

	hasICMP      bool
	icmpTypeCode uint16 // type and code, in this order

	fragmentOffset uint16 // in bytes; only the fragment at 0 has ports, flags, type and code
}

func (c *connection) setProtocol(number uint8) { c.protocol, c.hasProtocol = number, true }

// tcpFlagNames has the flags of a TCP header. Connection summaries show the first
// tcpFlagsShown of them.
var tcpFlagNames = [...]struct {
	bit  uint8
	name string
}{
	{0x02, "SYN"}, {0x10, "ACK"}, {0x04, "RST"}, {0x01, "FIN"},
	{0x08, "PSH"}, {0x20, "URG"}, {0x40, "ECE"}, {0x80, "CWR"},
}

const tcpFlagsShown = 4

// appendSummary appends who talks to whom, what an ICMP error is about, and the tunnels, from
// the innermost out.
func (d *dissection) appendSummary(dst []byte) []byte {
	if d.known == 1 {
		return d.appendHeaders(dst, &d.headers[0])
	}
	return d.appendCarried(dst, d.headers[:d.known])
}

func (d *dissection) appendCarried(dst []byte, all []headers) []byte {
	n := carried(all)
	dst = d.appendHeaders(dst, &all[n-1])
	if n < len(all) {
		dst = append(d.appendCarried(append(dst, " [about "...), all[n:]), ']')
	}
	return d.appendTunnels(dst, all[:n])
}

// appendTunnels appends all but the last of the headers, as tunnels that carry it.
func (d *dissection) appendTunnels(dst []byte, all []headers) []byte {
	for i := len(all) - 2; i >= 0; i-- {
		dst = append(dst, " [tunnel "...)
		dst = all[i].conn.appendEndpoints(dst)
		dst = append(dst, ' ')
		dst = append(dst, all[i].tunnel.String()...)
		dst = append(dst, ']')
	}
	return dst
}

// appendHeaders appends who talks to whom by the headers of one packet.
func (d *dissection) appendHeaders(dst []byte, h *headers) []byte {
	c := &h.conn
	switch {
	case c.src.IsValid():
		dst = d.appendTransport(append(c.appendEndpoints(dst), ' '), h)
	case h.mac >= 0:
		dst = d.appendMACs(dst, h)
	default:
		dst = append(dst, "[unknown]"...)
	}
	if c.fragmentOffset > 0 {
		dst = append(appendUint(dst, " [fragment at ", uint64(c.fragmentOffset)), ']')
	}
	return d.appendMark(dst, h)
}

// appendTransport appends the name of the protocol and what it says in a few words.
func (d *dissection) appendTransport(dst []byte, h *headers) []byte {
	c := &h.conn
	dst = appendProtocolName(dst, c.protocol)
	switch {
	case c.protocol == protocolTCP:
		sep := " "
		for _, f := range tcpFlagNames[:tcpFlagsShown] {
			if c.tcpFlags&f.bit != 0 {
				dst = append(append(dst, sep...), f.name...)
				sep = ", "
			}
		}
	case c.hasICMP:
		dst = append(append(dst, ' '), d.icmpName(c.icmpTypeCode, c.protocol == protocolICMPv6)...)
	case c.protocol == protocolGRE:
		dst = d.appendGRESummary(dst, h)
	case c.protocol == protocolVRRP:
		dst = d.appendVRRPSummary(dst, h)
	case c.protocol == protocolIGMP:
		dst = d.appendIGMPSummary(dst, h)
	}
	return dst
}

// appendGRESummary appends the EtherType of what GRE carries and is not dissected.
func (d *dissection) appendGRESummary(dst []byte, h *headers) []byte {
	last := h.last - 1
	if d.layers[last].kind == layerERSPAN {
		last--
	}
	header := d.header(&d.layers[last])
	if len(header) < greSize {
		return dst
	}
	return appendGREProtocol(append(dst, ' '), be16(header[2:]))
}

// appendMark says in a word if something is missing that would have been appended, by the last header, or, of the
// innermost packet, that of something in it which is none.
func (d *dissection) appendMark(dst []byte, h *headers) []byte {
	end := h.last
	if h == &d.headers[d.known-1] {
		end = len(d.layers)
	}
	if end == h.first {
		return dst
	}
	switch last := &d.layers[end-1]; {
	case last.state == stateMalformed:
		return append(dst, " [malformed]"...)
	case last.state == stateCut && !h.quoted && int(last.end-last.start) < layerKinds[last.kind].summarized:
		return append(dst, " [cut]"...)
	default:
		return dst
	}
}

func (d *dissection) appendMACs(dst []byte, h *headers) []byte {
	ethernet := d.header(&d.layers[h.mac])
	dst = appendMAC(dst, ethernet[6:12])
	dst = append(dst, " -> "...)
	dst = appendMAC(dst, ethernet[:6])
	dst = append(dst, ' ')
	switch last := &d.layers[h.last-1]; last.kind {
	case layerLLC:
		return append(dst, llcName(d.header(last))...)
	case layerPPP:
		dst = appendEtherType(dst, h.etherType)
		if header := d.header(last); len(header) == pppSize { // or it is cut, which is told
			dst = appendPPPProtocol(append(dst, ' '), header)
		}
		return dst
	default:
		return appendEtherType(dst, h.etherType)
	}
}

// appendEndpoints appends "SRC:PORT -> DST:PORT", or "SRC -> DST" without ports.
func (c *connection) appendEndpoints(dst []byte) []byte {
	dst = c.appendEndpoint(dst, c.src, c.srcPort)
	dst = append(dst, " -> "...)
	return c.appendEndpoint(dst, c.dst, c.dstPort)
}

func (c *connection) appendEndpoint(dst []byte, addr netip.Addr, port uint16) []byte {
	if c.hasPorts {
		return netip.AddrPortFrom(addr, port).AppendTo(dst)
	}
	return addr.AppendTo(dst)
}

// lastHeader returns what was captured of the last of the headers.
func (d *dissection) lastHeader(h *headers) []byte { return d.header(&d.layers[h.last-1]) }
