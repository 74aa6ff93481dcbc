// SPDX-License-Identifier: Apache-2.0

package packet_test

import (
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
)

var (
	srcMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	dstMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// serialize makes a packet of layers, with lengths and checksums.
func serialize(t testing.TB, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, all...))
	return buf.Bytes()
}

func ethernet(next layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: srcMAC, DstMAC: dstMAC, EthernetType: next}
}

func ipv4(src, dst string, next layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 61, Protocol: next, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
}

func ipv6(src, dst string, next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 62, NextHeader: next, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
}

func udp(src, dst layers.UDPPort) *layers.UDP { return &layers.UDP{SrcPort: src, DstPort: dst} }

// overTCP is a packet of a connection, behind a stack of VLANs.
func overTCP(t testing.TB) []byte {
	return serialize(t, ethernet(layers.EthernetTypeQinQ),
		&layers.Dot1Q{VLANIdentifier: 100, Type: layers.EthernetTypeDot1Q}, &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv4},
		ipv4("10.0.0.1", "10.0.0.2", layers.IPProtocolTCP), &layers.TCP{SrcPort: 40000, DstPort: 443, SYN: true, ACK: true})
}

// overVXLAN is a datagram that a tunnel carries.
func overVXLAN(t testing.TB) []byte {
	return serialize(t, ethernet(layers.EthernetTypeIPv4), ipv4("192.168.0.1", "192.168.0.2", layers.IPProtocolUDP), udp(50000, 8472),
		&layers.VXLAN{ValidIDFlag: true, VNI: 5}, ethernet(layers.EthernetTypeIPv6),
		ipv6("fd00::1", "fd00::2", layers.IPProtocolUDP), udp(40000, 53), gopacket.Payload("query"))
}

// unreachable is an ICMP error about a datagram.
func unreachable(t testing.TB) []byte {
	about := serialize(t, ipv4("10.0.0.1", "10.0.0.9", layers.IPProtocolUDP), udp(40000, 9999))
	return serialize(t, ipv4("10.0.0.9", "10.0.0.1", layers.IPProtocolICMPv4),
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1)}, gopacket.Payload(about))
}

// laterFragment is the second part of a datagram.
func laterFragment(t testing.TB) []byte {
	ip := ipv4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP)
	ip.FragOffset = 185
	return serialize(t, ethernet(layers.EthernetTypeIPv4), ip, gopacket.Payload("the rest of it"))
}
