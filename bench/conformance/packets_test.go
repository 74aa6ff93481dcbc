// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"net"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"
)

var (
	ether4 = &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	ether6 = &layers.Ethernet{SrcMAC: ether4.SrcMAC, DstMAC: ether4.DstMAC, EthernetType: layers.EthernetTypeIPv6}
	syn    = &layers.TCP{SrcPort: 34567, DstPort: 80, Seq: 1, SYN: true, Window: 1024, Options: []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{5, 180}}}}
	finAck = &layers.TCP{SrcPort: 34567, DstPort: 80, Seq: 2, Ack: 3, ACK: true, PSH: true, FIN: true, Window: 1024}
	query  = &layers.UDP{SrcPort: 34567, DstPort: 53}
	echo   = &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 1, Seq: 2}
	echo6  = &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
	data   = gopacket.Payload("0123456789abcdef")
)

func ip4(protocol layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Id: 0x1234, Flags: layers.IPv4DontFragment, Protocol: protocol, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
}

func ip6(next layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: next, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
}

// packet returns the bytes of a packet of these layers.
func packet(t testing.TB, all ...gopacket.SerializableLayer) []byte {
	t.Helper()
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, all...))
	return buf.Bytes()
}

// tunnelled returns layers around those of an Ethernet frame that a tunnel carries.
func tunnelled(port layers.UDPPort, tunnel gopacket.SerializableLayer, inner ...gopacket.SerializableLayer) []gopacket.SerializableLayer {
	outer := ip4(layers.IPProtocolUDP)
	outer.SrcIP, outer.DstIP = net.IP{192, 168, 0, 1}, net.IP{192, 168, 0, 2}
	return append([]gopacket.SerializableLayer{ether4, outer, &layers.UDP{SrcPort: 40000, DstPort: port}, tunnel}, inner...)
}
