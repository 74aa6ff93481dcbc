// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"
	"strconv"

	"github.com/gopacket/gopacket/layers"
)

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

// appendSummary appends who talks to whom, and the tunnel.
func (d *dissection) appendSummary(dst []byte) []byte {
	dst = d.inner.appendSummary(dst)
	if d.tunnel != tunnelNone {
		dst = append(dst, " [tunnel "...)
		dst = d.outer.conn.appendEndpoints(dst)
		dst = append(dst, ' ')
		dst = append(dst, d.tunnel.String()...)
		dst = append(dst, ']')
	}
	return dst
}

func (h *headers) appendSummary(dst []byte) []byte {
	if !h.has(hasIPv4 | hasIPv6) {
		if h.has(hasEthernet) {
			return h.appendEthernetSummary(dst)
		}
		return append(dst, "[unknown]"...)
	}
	dst = h.conn.appendEndpoints(dst)
	switch {
	case h.conn.hasPorts:
		dst = h.conn.appendTransport(append(dst, ' '))
	case h.has(hasICMPv4):
		dst = append(append(dst, " icmp "...), h.icmpName(uint16(h.icmpv4.TypeCode), false)...)
	case h.has(hasICMPv6):
		dst = append(append(dst, " icmp "...), h.icmpName(uint16(h.icmpv6.TypeCode), true)...)
	case h.has(hasVRRP):
		dst = append(append(dst, " vrrp "...), h.vrrp.Type.String()...)
		dst = strconv.AppendUint(append(dst, ' '), uint64(h.vrrp.VirtualRtrID), 10)
		dst = strconv.AppendUint(append(dst, ' '), uint64(h.vrrp.Priority), 10)
	case h.has(hasIGMP):
		dst = h.igmp.appendSummary(append(dst, " igmp "...))
	}
	return dst
}

// appendTransport appends the name of a protocol that has ports, of TCP the flags, too.
func (c *connection) appendTransport(dst []byte) []byte {
	switch c.protocol {
	case protocolUDP:
		return append(dst, "udp"...)
	case protocolSCTP:
		return append(dst, "sctp"...)
	}
	dst = append(dst, "tcp"...)
	sep := " "
	for _, f := range tcpFlagNames[:tcpFlagsShown] {
		if c.tcpFlags&f.bit != 0 {
			dst = append(append(dst, sep...), f.name...)
			sep = ", "
		}
	}
	return dst
}

func (h *headers) appendEthernetSummary(dst []byte) []byte {
	dst = appendMAC(dst, h.ethernet.SrcMAC)
	dst = append(dst, " -> "...)
	dst = appendMAC(dst, h.ethernet.DstMAC)
	dst = append(dst, ' ')
	if layers.EthernetTypeMetadata[h.ethernet.EthernetType].DecodeWith == nil {
		return appendHex(dst, uint64(h.ethernet.EthernetType))
	}
	return append(dst, h.ethernet.EthernetType.String()...)
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

// icmpName returns the name of an ICMP type and code, such as "EchoRequest". gopacket
// builds it each time; the few that occur are kept.
func (h *headers) icmpName(typeCode uint16, v6 bool) string {
	key := uint32(typeCode)
	if v6 {
		key |= 1 << 16
	}
	name, ok := h.icmpNames[key]
	if !ok {
		if v6 {
			name = layers.ICMPv6TypeCode(typeCode).String()
		} else {
			name = layers.ICMPv4TypeCode(typeCode).String()
		}
		if h.icmpNames == nil {
			h.icmpNames = make(map[uint32]string)
		}
		h.icmpNames[key] = name
	}
	return name
}
