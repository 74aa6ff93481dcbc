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

func ethernet(etherType uint16, payload []byte) []byte {
	frame := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	return append(binary.BigEndian.AppendUint16(frame, etherType), payload...)
}

// vlan is what follows the EtherType unix.ETH_P_8021Q or unix.ETH_P_8021AD.
func vlan(etherType uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0, 100}, etherType), payload...)
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

// extension is an IPv6 extension header of 8+8*more bytes.
func extension(next, more uint8, payload []byte) []byte {
	header := make([]byte, 8+8*int(more))
	header[0], header[1] = next, more
	return append(header, payload...)
}

// authentication is an IPv6 authentication header, whose length counts otherwise.
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

func udp(dstPort uint16) []byte {
	header := binary.BigEndian.AppendUint16(nil, 40000)
	header = binary.BigEndian.AppendUint16(header, dstPort)
	return append(header, 0, 12, 0, 0, 'd', 'a', 't', 'a')
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
