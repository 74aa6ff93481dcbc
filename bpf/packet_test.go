// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// Packets, put together layer by layer as bytes so that they can be wrong too.

// What package unix does not have.
const (
	etherTypeQinQ = 0x9100
	etherTypeTEB  = 0x6558 // a whole Ethernet frame

	protoDCCP       = 33
	protoEtherIP    = 97
	protoUDPLite    = 136
	protoHIP        = 139
	protoShim6      = 140
	protoIPEthernet = 143
)

func ethernet(etherType uint16, payload []byte) []byte {
	frame := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	return append(binary.BigEndian.AppendUint16(frame, etherType), payload...)
}

// vlan is what follows the EtherType unix.ETH_P_8021Q or unix.ETH_P_8021AD.
func vlan(etherType uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0, 100}, etherType), payload...)
}

// snapHeader is what follows the length of a frame: LLC, with an EtherType.
func snapHeader(etherType uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xaa, 0xaa, 3, 0, 0, 0}, etherType), payload...)
}

// pppoe is a session's header, with the protocol number of PPP.
func pppoe(proto uint16, payload []byte) []byte {
	header := binary.BigEndian.AppendUint16([]byte{0x11, 0, 0, 1}, uint16(2+len(payload)))
	return append(binary.BigEndian.AppendUint16(header, proto), payload...)
}

// mpls is a label, with what follows it; bottom says that this is no other label.
func mpls(bottom bool, payload []byte) []byte {
	label := []byte{0, 1, 0, 64}
	if bottom {
		label[2] |= 1
	}
	return append(label, payload...)
}

// ipv4 makes a header with the options and the fragment offset given, in units of 8 bytes.
func ipv4(src, dst string, proto uint8, fragment uint16, options, payload []byte) []byte {
	header := make([]byte, 20, 20+len(options)+len(payload))
	header[0] = 4<<4 | uint8(20+len(options))/4
	binary.BigEndian.PutUint16(header[2:], uint16(20+len(options)+len(payload)))
	binary.BigEndian.PutUint16(header[6:], fragment)
	header[8] = 64
	header[9] = proto
	copy(header[12:], addr(src))
	copy(header[16:], addr(dst))
	return slices.Concat(header, options, payload)
}

func ipv6(src, dst string, next uint8, payload []byte) []byte {
	header := make([]byte, 8, 40)
	header[0] = 6 << 4
	binary.BigEndian.PutUint16(header[4:], uint16(len(payload)))
	header[6] = next
	header[7] = 64
	return slices.Concat(header, addr(src), addr(dst), payload)
}

// ipv6Length sets the length that the header of an IPv6 packet has.
func ipv6Length(n uint16, packet []byte) []byte {
	binary.BigEndian.PutUint16(packet[4:], n)
	return packet
}

// extension is an IPv6 extension header of 8+8*more bytes.
func extension(next, more uint8, payload []byte) []byte {
	header := make([]byte, 8+8*int(more))
	header[0], header[1] = next, more
	return append(header, payload...)
}

// authentication is an authentication header, whose length counts otherwise.
func authentication(next uint8, payload []byte) []byte {
	header := make([]byte, 24)
	header[0], header[1] = next, 24/4-2
	return append(header, payload...)
}

// fragmentHeader is an IPv6 fragment header; offset is in units of 8 bytes.
func fragmentHeader(next uint8, offset uint16, payload []byte) []byte {
	header := make([]byte, 8)
	header[0] = next
	binary.BigEndian.PutUint16(header[2:], offset<<3|1)
	return append(header, payload...)
}

func udp(dstPort uint16) []byte { return datagram(dstPort, []byte("data")) }

// datagram is UDP with the payload.
func datagram(dstPort uint16, payload []byte) []byte {
	header := binary.BigEndian.AppendUint16(nil, 40000)
	header = binary.BigEndian.AppendUint16(header, dstPort)
	header = binary.BigEndian.AppendUint16(header, uint16(8+len(payload)))
	return append(append(header, 0, 0), payload...)
}

// vxlan is a header of RFC 7348 and the frame that it carries.
func vxlan(frame []byte) []byte { return append([]byte{8, 0, 0, 0, 0, 0, 42, 0}, frame...) }

// geneve is a header of RFC 8926 with the options, whose length is a multiple of 4, and what it carries.
func geneve(etherType uint16, options, payload []byte) []byte {
	header := binary.BigEndian.AppendUint16([]byte{uint8(len(options) / 4), 0}, etherType)
	return slices.Concat(header, []byte{0, 0, 42, 0}, options, payload)
}

// icmp is a message of a type with 4 bytes that depend on it, and what follows.
func icmp(typ uint8, payload []byte) []byte {
	return append([]byte{typ, 0, 0, 0, 0, 0, 0, 0}, payload...)
}

func tcpSYN(dstPort uint16) []byte {
	header := make([]byte, 20)
	binary.BigEndian.PutUint16(header, 40000)
	binary.BigEndian.PutUint16(header[2:], dstPort)
	header[12], header[13] = 5<<4, 2
	return header
}

func udp4(src, dst string, port uint16) []byte {
	return ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 0, nil, udp(port)))
}

func udp6(src, dst string, port uint16) []byte {
	return ethernet(unix.ETH_P_IPV6, ipv6(src, dst, unix.IPPROTO_UDP, udp(port)))
}

func addr(text string) []byte {
	return netip.MustParseAddr(text).AsSlice()
}
