// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// The functions here build packets from the inside out.

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	ipICMP     = 1
	ipIGMP     = 2
	ipTCP      = 6
	ipUDP      = 17
	ipFragment = 44
	ipGRE      = 47
	ipESP      = 50
	ipAH       = 51
	ipICMPv6   = 58
	ipVRRP     = 112
	ipSCTP     = 132
	ipUDPLite  = 136

	finFlag = 0x01
	synFlag = 0x02
	rstFlag = 0x04
	pshFlag = 0x08
	ackFlag = 0x10
)

func ethernet(etherType uint16, payload ...[]byte) []byte {
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	b = binary.BigEndian.AppendUint16(b, etherType)
	return append(b, slices.Concat(payload...)...)
}

func ipv4(protocol byte, src, dst string, payload ...[]byte) []byte {
	return ipv4Options(protocol, src, dst, nil, slices.Concat(payload...))
}

func ipv4Options(protocol byte, src, dst string, options, payload []byte) []byte {
	b := []byte{0x45 + byte(len(options)/4), 0}
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(options)+len(payload)))
	b = append(b, 0x12, 0x34, 0x40, 0, 64, protocol, 0xab, 0xcd) // id, DF, TTL, protocol, checksum
	b = append(b, netip.MustParseAddr(src).AsSlice()...)
	b = append(b, netip.MustParseAddr(dst).AsSlice()...)
	return slices.Concat(b, options, payload)
}

func ipv6(next byte, src, dst string, payload ...[]byte) []byte {
	all := slices.Concat(payload...)
	b := []byte{0x60, 0, 0, 0}
	b = binary.BigEndian.AppendUint16(b, uint16(len(all)))
	b = append(b, next, 64)
	b = append(b, netip.MustParseAddr(src).AsSlice()...)
	b = append(b, netip.MustParseAddr(dst).AsSlice()...)
	return append(b, all...)
}

func tcp(src, dst uint16, flags byte, options, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, src)
	b = binary.BigEndian.AppendUint16(b, dst)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 2, byte(5+len(options)/4)<<4, flags, 0x04, 0, 0xbe, 0xef, 0, 0)
	return slices.Concat(b, options, payload)
}

func udp(src, dst uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, src)
	b = binary.BigEndian.AppendUint16(b, dst)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

func vlan(tag, etherType uint16, payload ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, tag)
	b = binary.BigEndian.AppendUint16(b, etherType)
	return append(b, slices.Concat(payload...)...)
}

// mpls returns a stack of labels.
func mpls(payload []byte, labels ...uint32) []byte {
	var b []byte
	for i, label := range labels {
		bottom := uint32(0)
		if i == len(labels)-1 {
			bottom = 0x100
		}
		b = binary.BigEndian.AppendUint32(b, label<<12|bottom|64)
	}
	return append(b, payload...)
}

// extension returns an extension header of IPv6 with padding for options, 8 bytes long and 8 for each of units.
func extension(next byte, units byte, payload ...[]byte) []byte {
	b := append([]byte{next, units, 1, 4 + 8*units}, make([]byte, 4+8*int(units))...)
	return append(b, slices.Concat(payload...)...)
}

// shim6 returns the header that is in front of what a Shim6 context carries.
func shim6(next byte, payload []byte) []byte {
	return append([]byte{next, 0, 0x80, 0, 0, 0, 0, 1}, payload...)
}

// segmentRouting returns a routing header of IPv6 with segments.
func segmentRouting(next byte, payload []byte, segments ...string) []byte {
	n := byte(len(segments))
	b := []byte{next, 2 * n, 4, n - 1, n - 1, 0, 0, 0}
	for _, s := range segments {
		b = append(b, netip.MustParseAddr(s).AsSlice()...)
	}
	return append(b, payload...)
}

// fragment returns a fragment header of IPv6.
func fragment(next byte, offset uint16, more bool, payload ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{next, 0}, offset)
	if more {
		b[3] |= 1
	}
	b = append(b, 0, 0, 0, 7)
	return append(b, slices.Concat(payload...)...)
}

// fragmentOf makes packet, which begins with an IPv4 header, a fragment.
func fragmentOf(packet []byte, offset uint16, more bool) []byte {
	packet = slices.Clone(packet)
	field := offset / 8
	if more {
		field |= 0x2000
	}
	binary.BigEndian.PutUint16(packet[6:], field)
	return packet
}

func ah(next byte, payload ...[]byte) []byte {
	return append([]byte{next, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, slices.Concat(payload...)...)
}

// gre returns a GRE header of version 0 with the fields that flags (the first byte) ask for.
func gre(flags byte, etherType uint16, payload ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{flags, 0}, etherType)
	if flags&0xc0 != 0 {
		b = append(b, 0xab, 0xcd, 0, 0)
	}
	if flags&0x20 != 0 {
		b = append(b, 0, 0, 0, 42)
	}
	if flags&0x10 != 0 {
		b = append(b, 0, 0, 0, 1)
	}
	if flags&0x40 != 0 {
		b = append(b, 0, 1, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0)
	}
	return append(b, slices.Concat(payload...)...)
}

// vxlan returns a UDP datagram with a VXLAN header.
func vxlan(frame []byte) []byte {
	return udp(40000, 8472, append([]byte{8, 0, 0, 0, 0, 0, 42, 0}, frame...))
}

// geneve returns a UDP datagram with a Geneve header and options.
func geneve(etherType uint16, options, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(len(options) / 4), 0}, etherType)
	return udp(40000, 6081, slices.Concat(b, []byte{0, 0, 42, 0}, options, payload))
}

// pptp returns a GRE header of version 1 with a packet of PPP.
func pptp(ppp ...[]byte) []byte {
	packet := slices.Concat(ppp...)
	b := binary.BigEndian.AppendUint16([]byte{0x30, 0x81, 0x88, 0x0b}, uint16(len(packet)))
	return append(append(b, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2), packet...)
}

// pppoe returns the header of a session and that of PPP in front of a packet.
func pppoe(protocol uint16, packet []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x11, 0, 0, 1}, uint16(2+len(packet)))
	return append(binary.BigEndian.AppendUint16(b, protocol), packet...)
}

var erspan2 = []byte{0x10, 100, 0, 7, 0, 0, 0, 5}

// erspan3 returns a header of type III, with a flag for a subheader if the type of the frame is not Ethernet.
func erspan3(frameType byte) []byte {
	b := []byte{0x20, 100, 0, 7, 0, 0, 0, 5, 0, 0, frameType << 2, 0}
	if frameType != 0 {
		b[11] = 1
	}
	return b
}

// synOptions are MSS, SACK permitted and timestamps, as few as gopacket lists.
var synOptions = []byte{2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0}

var (
	tcpPacket   = ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(34567, 80, ackFlag|pshFlag, nil, []byte("GET / HTTP/1.1"))))
	synPacket   = ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(34567, 80, synFlag, synOptions, nil)))
	udpPacket   = ethernet(etherIPv4, ipv4(ipUDP, "10.0.0.1", "10.0.0.2", udp(34567, 53, []byte("hi"))))
	tcp6Packet  = ethernet(etherIPv6, ipv6(ipTCP, "fd00::1", "fd00::2", tcp(34567, 443, synFlag|ackFlag, nil, nil)))
	icmpPacket  = ethernet(etherIPv4, ipv4(ipICMP, "10.0.0.1", "10.0.0.2", []byte{8, 0, 0, 0, 0, 1, 0, 2, 'p', 'i', 'n', 'g'}))
	icmp6Packet = ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::1", "fd00::2", []byte{128, 0, 0, 0, 0, 1, 0, 2}))
	sctpPacket  = ethernet(etherIPv4, ipv4(ipSCTP, "10.0.0.1", "10.0.0.2", []byte{0, 7, 0, 9, 0, 0, 0, 3, 0, 0, 0, 4}))
	vrrpPacket  = ethernet(etherIPv4, ipv4(ipVRRP, "10.0.0.1", "224.0.0.18", []byte{0x21, 1, 100, 1, 0, 1, 0, 0, 10, 0, 0, 9}))
	igmp2Packet = ethernet(etherIPv4, ipv4(ipIGMP, "10.0.0.1", "224.0.0.22", []byte{0x16, 0, 0, 0, 224, 0, 0, 251}))
	igmp3Packet = ethernet(etherIPv4, ipv4(ipIGMP, "10.0.0.1", "224.0.0.22", []byte{0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 224, 0, 0, 251}))
	arpPacket   = ethernet(etherARP, []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2})
	grePacket   = ethernet(etherIPv4, ipv4(ipGRE, "10.0.0.1", "10.0.0.2", []byte{0, 0, 8, 0, 1, 2, 3, 4}))

	vxlanPacket  = ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 8472, append([]byte{8, 0, 0, 0, 0, 0, 42, 0}, synPacket...))))
	genevePacket = ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 6081,
		append([]byte{2, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 0x4b, 0x80, 1, 0, 0, 0, 1}, icmp6Packet...))))
	// Two options of 128 and 124 bytes.
	geneveFullPacket = ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 6081, slices.Concat(
		[]byte{63, 0, 0x65, 0x58, 0, 0, 42, 0}, []byte{1, 0x4b, 0x80, 31}, make([]byte, 124), []byte{1, 0x4b, 0x80, 30}, make([]byte, 120), icmp6Packet))))
	geneveIPPacket = ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 6081,
		append([]byte{0, 0, 8, 0, 0, 0, 42, 0}, udpPacket[14:]...))))
)
