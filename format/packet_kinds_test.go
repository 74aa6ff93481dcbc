// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"slices"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// kind is a packet of a kind, with the flags of the event.
type kind struct {
	name   string
	packet []byte
	flags  uint8
}

func (k kind) payload() *payload.Payload {
	return trace(k.packet, func(n *api.TraceNotify) { n.Flags = k.flags })
}

// Packets that others carry, without a link layer.
var (
	ping4    = icmpPacket[14:]
	ping6    = icmp6Packet[14:]
	syn4     = synPacket[14:]
	synAck6  = tcp6Packet[14:]
	query4   = udpPacket[14:]
	mldQuery = []byte{130, 0, 0, 0, 0x27, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 125, 0, 0}
	ns       = append([]byte{135, 0, 0, 0, 0, 0, 0, 0}, tcp6Packet[14+24:14+40]...)
)

// kinds has packets of all kinds that are dissected.
var kinds = slices.Concat(linkKinds(), ipKinds(), icmpKinds(), tunnelKinds())

func linkKinds() []kind {
	return []kind{
		{"VLAN tag", ethernet(0x8100, vlan(100, etherIPv4, syn4)), 0},
		{"802.1ad with two tags", ethernet(0x88a8, vlan(200, 0x8100, vlan(0xe000|100, etherIPv6, synAck6))), 0},
		{"three tags, the first before 802.1ad", ethernet(0x9100, vlan(1, 0x8100, vlan(2, 0x8100, vlan(3, etherIPv4, query4)))), 0},
		{"VLAN tag before ARP", ethernet(0x8100, vlan(100, etherARP, arpPacket[14:])), 0},
		{"MPLS", ethernet(0x8847, mpls(synAck6, 16, 17)), 0},
		{"MPLS with something else", ethernet(0x8848, mpls([]byte{0, 1, 2, 3}, 16)), 0},
		{"spanning tree", ethernet(38, []byte{0x42, 0x42, 3}, make([]byte, 35)), 0},
		{"SNAP with IPv4", ethernet(uint16(8+len(query4)), []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, query4), 0},
		{"LLC information frame", ethernet(6, []byte{0xf0, 0xf0, 2, 4, 1, 2}), 0},
		{"VLAN tag, SNAP, VLAN tag", ethernet(0x8100, vlan(1, uint16(12+len(syn4)), []byte{0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0}, vlan(2, etherIPv4, syn4))), 0},
		{"SNAP twice", ethernet(uint16(20+len(syn4)), []byte{0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0}, vlan(2, uint16(8+len(syn4)), []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, syn4)), 0},
		{"Cisco discovery", ethernet(28, []byte{0xaa, 0xaa, 3, 0, 0, 12, 0x20, 0}, make([]byte, 20)), 0},
		{"IS-IS", ethernet(23, []byte{0xfe, 0xfe, 3, 0x83}, make([]byte, 19)), 0},
		{"PPPoE with IPv4", ethernet(0x8864, pppoe(0x21, syn4)), 0},
		{"PPPoE with IPv6 behind a VLAN tag", ethernet(0x8100, vlan(7, 0x8864, pppoe(0x57, synAck6))), 0},
		{"PPPoE with a message of PPP", ethernet(0x8864, pppoe(0xc021, []byte{1, 1, 0, 4})), 0},
		{"PPPoE discovery", ethernet(0x8863, []byte{0x11, 9, 0, 0, 0, 4, 1, 1, 0, 0}), 0},
		{"RARP", ethernet(0x8035, []byte{0, 1, 8, 0, 6, 4, 0, 3, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0}), 0},
		{"LLDP", ethernet(0x88cc, []byte{2, 7, 4, 2, 0, 0, 0, 0, 1, 0, 0}), 0},
		{"MACsec", ethernet(0x88e5, []byte{0x2c, 0, 0, 0, 0, 1}), 0},
		{"IPv4 of an L3 device", syn4, api.FlagL3Device},
		{"IPv6 of an L3 device", synAck6, api.FlagL3Device | api.FlagIPv6},
		{"neither IP version on an L3 device", []byte{0x15, 2, 3, 4}, api.FlagL3Device},
	}
}

func ipKinds() []kind {
	over6 := func(next byte, payload ...[]byte) []byte {
		return ethernet(etherIPv6, ipv6(next, "fd00::1", "fd00::2", payload...))
	}
	over4 := func(protocol byte, payload ...[]byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", payload...))
	}
	jumbo := ipv6(ipTCP, "fd00::1", "fd00::2", synAck6[40:])
	jumbo[4], jumbo[5] = 0, 0
	large := ipv4(ipTCP, "10.0.0.1", "10.0.0.2", syn4[20:])
	large[2], large[3] = 0, 0
	return []kind{
		{"all extension headers", over6(0, extension(60, 0, extension(43, 1, extension(44, 0)[:0], fragment(51, 0, false, ah(60, extension(ipTCP, 2, synAck6[40:])))))), 0},
		{"hop-by-hop and destination options", over6(0, extension(60, 1, extension(ipUDP, 0, query4[20:]))), 0},
		{"segment routing without a tunnel", over6(43, segmentRouting(ipTCP, synAck6[40:], "fd00::2", "fd00::9")), 0},
		{"mobility header", over6(135, []byte{59, 0, 1, 0, 0, 0, 0, 0}), 0},
		{"HIP", over6(139, extension(59, 4)), 0},
		{"Shim6", over6(140, shim6(ipUDP, query4[20:])), 0},
		{"no next header", over6(59), 0},
		{"IPv6 of length 0, as of more than 64 KiB", ethernet(etherIPv6, jumbo), 0},
		{"IPv4 of length 0, as of more than 64 KiB", ethernet(etherIPv4, large), 0},
		{"first fragment of IPv6", over6(44, fragment(ipUDP, 0, true, query4[20:], make([]byte, 30))), 0},
		{"later fragment of IPv6", over6(44, fragment(ipUDP, 1448, false, query4[20:])), 0},
		{"fragment that is the whole packet", over6(44, fragment(ipUDP, 0, false, query4[20:])), 0},
		{"first fragment of IPv4", ethernet(etherIPv4, fragmentOf(syn4, 0, true)), 0},
		{"later fragment of IPv4", ethernet(etherIPv4, fragmentOf(syn4, 1480, true)), 0},
		{"first fragment without all of the TCP header", ethernet(etherIPv4, fragmentOf(ipv4(ipTCP, "10.0.0.1", "10.0.0.2", syn4[20:28]), 0, true)), 0},
		{"AH over IPv4", over4(ipAH, ah(ipTCP, syn4[20:])), 0},
		{"AH over IPv6", over6(ipAH, ah(ipTCP, synAck6[40:])), 0},
		{"ESP over IPv4", over4(ipESP, []byte{0, 0, 0, 9, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9}), 0},
		{"ESP over IPv6", over6(ipESP, []byte{0, 0, 0, 9, 0, 0, 0, 1, 9, 9}), 0},
		{"UDP-Lite", over4(ipUDPLite, udp(5, 6, []byte("hi"))), 0},
		{"DCCP", over4(33, []byte{0, 5, 0, 6, 4, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2}), 0},
		{"OSPF, of which only the name is known", over4(89, make([]byte, 24)), 0},
		{"IPIP by another name, which nobody uses", over4(94, syn4), 0},
		{"protocol without a name", over4(200, []byte{1}), 0},
		{"hop-by-hop options in IPv4, where they mean nothing", over4(0, extension(ipUDP, 0, query4[20:])), 0},
		{"VRRP version 3", over4(ipVRRP, []byte{0x31, 7, 100, 2, 0, 100, 0, 0, 10, 0, 0, 8, 10, 0, 0, 9}), 0},
		{"VRRP version 3 over IPv6", over6(ipVRRP, []byte{0x31, 7, 255, 1, 0, 100, 0, 0}, synAck6[8:24]), 0},
		{"IGMP version 1 report", over4(ipIGMP, []byte{0x12, 0, 0, 0, 224, 0, 0, 251}), 0},
		{"IGMP version 2 query", over4(ipIGMP, []byte{0x11, 100, 0, 0, 224, 0, 0, 1}), 0},
		{"IGMP leave", over4(ipIGMP, []byte{0x17, 0, 0, 0, 224, 0, 0, 251}), 0},
		{"IGMP version 3 query", over4(ipIGMP, []byte{0x11, 0x98, 0, 0, 232, 1, 1, 1, 0x0a, 125, 0, 1, 10, 0, 0, 9}), 0},
		{"IGMP version 3 report of two groups", over4(ipIGMP, []byte{0x22, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 1, 232, 1, 1, 1, 10, 0, 0, 9, 4, 1, 0, 0, 224, 0, 0, 251, 0, 0, 0, 0}), 0},
	}
}

func icmpKinds() []kind {
	over4 := func(message ...byte) []byte {
		return ethernet(etherIPv4, ipv4(ipICMP, "10.0.0.9", "10.0.0.1", message))
	}
	over6 := func(message ...byte) []byte {
		return ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::9", "fd00::1", message))
	}
	about4 := func(packet []byte, head ...byte) []byte {
		return over4(append(append(head, 0, 0, 0, 0, 0, 0), packet...)...)
	}
	about6 := func(packet []byte, head ...byte) []byte {
		return over6(append(append(head, 0, 0, 0, 0, 0, 0), packet...)...)
	}
	redirect := slices.Concat(make([]byte, 36), []byte{2, 1, 2, 0, 0, 0, 0, 1, 4, 12, 0, 0, 0, 0, 0, 0}, synAck6)
	return []kind{
		{"unreachable host", about4(syn4[:28], 3, 1), 0},
		{"fragmentation needed", about4(syn4, 3, 4), 0},
		{"unreachable, with a later fragment", about4(fragmentOf(query4, 1480, false), 3, 2), 0},
		{"time exceeded in a tunnel", about4(ipv4(4, "192.0.2.1", "192.0.2.2", syn4), 11, 0), 0},
		{"unreachable about another error, which should not be", about4(ipv4(ipICMP, "10.0.0.1", "10.0.0.2", []byte{3, 1, 0, 0, 0, 0, 0, 0}, syn4), 3, 1), 0},
		{"fragmentation needed by a tunnel", about4(ipv4(ipUDP, "192.0.2.1", "192.0.2.2", vxlan(synPacket)), 3, 4), 0},
		{"redirect", about4(ping4, 5, 1), 0},
		{"unreachable, without what it is about", over4(3, 3, 0, 0, 0, 0, 0, 0), 0},
		{"packet too big", about6(synAck6, 2, 0), 0},
		{"time exceeded, ICMPv6", about6(ipv6(60, "fd00::1", "fd00::2", extension(ipUDP, 0, query4[20:])), 3, 0), 0},
		{"unreachable port, ICMPv6", about6(ipv6(ipUDP, "fd00::1", "fd00::2", query4[20:]), 1, 4), 0},
		{"redirect, ICMPv6", over6(append([]byte{137, 0, 0, 0}, redirect...)...), 0},
		{"router solicitation", over6(133, 0, 0, 0, 0, 0, 0, 0), 0},
		{"router advertisement", over6(134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0), 0},
		{"neighbour solicitation", over6(ns...), 0},
		{"multicast listener query", ethernet(etherIPv6, ipv6(0, "fe80::1", "ff02::1", extension(ipICMPv6, 0, mldQuery))), 0},
		{"multicast listener report, version 1", over6(append([]byte{131, 0, 0, 0, 0, 0, 0, 0}, mldQuery[8:24]...)...), 0},
		{"multicast listener done", over6(append([]byte{132, 0, 0, 0, 0, 0, 0, 0}, mldQuery[8:24]...)...), 0},
	}
}

func tunnelKinds() []kind {
	out4 := func(protocol byte, payload ...[]byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "192.168.0.1", "192.168.0.2", payload...))
	}
	out6 := func(next byte, payload ...[]byte) []byte {
		return ethernet(etherIPv6, ipv6(next, "fd01::1", "fd01::2", payload...))
	}
	groupPolicy := slices.Clone(vxlanPacket)
	copy(groupPolicy[14+20+8:], []byte{0x88, 0x48, 0x12, 0x34})
	noVXLAN := func(i int, b byte) []byte {
		packet := slices.Clone(vxlanPacket)
		packet[14+20+8+i] = b
		return packet
	}
	noGeneve := func(i int, b byte) []byte {
		packet := slices.Clone(geneveIPPacket)
		packet[14+20+8+i] = b
		return packet
	}
	return []kind{
		{"IPv4 in IPv4", out4(4, syn4), 0},
		{"IPv6 in IPv4", out4(41, synAck6), 0},
		{"IPv4 in IPv6", out6(4, query4), 0},
		{"IPv6 in IPv6", out6(41, ping6), 0},
		{"segment routing with IPv4", out6(43, segmentRouting(4, query4, "fd01::2", "fd01::3")), 0},
		{"segment routing with IPv6", out6(43, segmentRouting(41, synAck6, "fd01::2")), 0},
		{"segment routing with Ethernet", out6(43, segmentRouting(143, udpPacket, "fd01::2")), 0},
		{"Ethernet in IP", out4(97, []byte{0x30, 0}, udpPacket), 0},
		{"MPLS in IP", out4(137, mpls(syn4, 100)), 0},
		{"AH around IPv4", out4(ipAH, ah(4, syn4)), 0},
		{"GRE", out4(ipGRE, gre(0, etherIPv4, syn4)), 0},
		{"GRE with all fields", out4(ipGRE, gre(0xf0, etherIPv6, synAck6)), 0},
		{"GRE with a key and Ethernet", out6(ipGRE, gre(0x20, 0x6558, udpPacket)), 0},
		{"GRE with MPLS", out4(ipGRE, gre(0, 0x8847, mpls(syn4, 100))), 0},
		{"GRE with something else", out4(ipGRE, gre(0x20, 0x880b, []byte{1, 2, 3, 4})), 0},
		{"GRE version 1", out4(ipGRE, pptp([]byte{0xff, 3, 0, 0x21}, syn4)), 0},
		{"GRE version 1 with a short protocol number", out4(ipGRE, pptp([]byte{0x57}, synAck6)), 0},
		{"GRE version 1 with a message of PPP", out4(ipGRE, pptp([]byte{0xff, 3, 0xc0, 0x21}, []byte{1, 1, 0, 4})), 0},
		{"GRE version 1 that only acknowledges", out4(ipGRE, []byte{0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1, 0, 0, 0, 2}), 0},
		{"GRE keepalive", out4(ipGRE, gre(0, 0)), 0},
		{"GRE with NHRP", out4(ipGRE, gre(0, 0x2001, make([]byte, 20))), 0},
		{"WCCP", out4(ipGRE, gre(0, 0x883e, syn4)), 0},
		{"WCCP version 2", out4(ipGRE, gre(0, 0x883e, []byte{0, 1, 2, 3}, syn4)), 0},
		{"ERSPAN of a version that there is not", out4(ipGRE, gre(0x10, 0x88be, []byte{0x70, 0, 0, 0, 0, 0, 0, 0}, udpPacket)), 0},
		{"ERSPAN type I", out4(ipGRE, gre(0, 0x88be, udpPacket)), 0},
		{"ERSPAN type II", out4(ipGRE, gre(0x10, 0x88be, erspan2, tcp6Packet)), 0},
		{"ERSPAN type III", out4(ipGRE, gre(0x10, 0x22eb, erspan3(0), udpPacket)), 0},
		{"ERSPAN type III with a subheader and IP", out6(ipGRE, gre(0x10, 0x22eb, erspan3(2), make([]byte, 8), syn4)), 0},
		{"ERSPAN, cut", out4(ipGRE, gre(0x10, 0x88be, erspan2[:4])), 0},
		{"GRE version 2, which there is not", out4(ipGRE, []byte{0, 2, 8, 0}, syn4), 0},
		{"VXLAN over IPv6", out6(ipUDP, vxlan(tcp6Packet)), api.FlagVXLAN | api.FlagIPv6},
		{"VXLAN with a group policy", groupPolicy, api.FlagVXLAN},
		{"VXLAN with VLAN tags outside and inside", ethernet(0x8100, vlan(1, etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2",
			vxlan(ethernet(0x8100, vlan(2, etherIPv4, syn4)))))), api.FlagVXLAN},
		{"VXLAN of an L3 device", vxlanPacket[14:], api.FlagVXLAN | api.FlagL3Device},
		{"VXLAN with ARP", out4(ipUDP, vxlan(arpPacket)), api.FlagVXLAN},
		{"VXLAN with what an ICMP error is about", out4(ipUDP, vxlan(icmpKinds()[0].packet)), api.FlagVXLAN},
		{"no VXLAN: without an identifier", noVXLAN(0, 0), api.FlagVXLAN},
		{"no VXLAN: a flag that is reserved", noVXLAN(0, 0x0c), api.FlagVXLAN},
		{"no VXLAN: a byte that is reserved", noVXLAN(7, 1), api.FlagVXLAN},
		{"no VXLAN: a group policy without its flag", noVXLAN(3, 1), api.FlagVXLAN},
		{"Geneve over IPv6 with options", out6(ipUDP, geneve(0x6558, []byte{1, 0x4b, 0x80, 1, 0, 0, 0, 1}, synPacket)), api.FlagGeneve | api.FlagIPv6},
		{"Geneve with IPv6", out4(ipUDP, geneve(etherIPv6, nil, synAck6)), api.FlagGeneve},
		{"no Geneve: another version", noGeneve(0, 0x40), api.FlagGeneve},
		{"no Geneve: an unknown protocol", noGeneve(3, 6), api.FlagGeneve},
		{"no Geneve: options that do not fit", noGeneve(0, 0x3f), api.FlagGeneve},
		{"tunnels in tunnels", out6(41, ipv6(4, "fd02::1", "fd02::2", ipv4(ipGRE, "192.0.2.1", "192.0.2.2",
			gre(0, 0x6558, ethernet(0x8100, vlan(5, etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", vxlan(udpPacket)))))))), api.FlagVXLAN},
		{"VXLAN in VXLAN", out4(ipUDP, vxlan(ethernet(etherIPv4, ipv4(ipUDP, "192.0.2.1", "192.0.2.2", vxlan(tcp6Packet))))), api.FlagVXLAN},
		{"Geneve in VXLAN", out4(ipUDP, vxlan(ethernet(etherIPv4, ipv4(ipUDP, "192.0.2.1", "192.0.2.2", geneve(0x6558, nil, udpPacket))))), api.FlagVXLAN},
		{"VXLAN in GRE, of which the datapath says nothing", out4(ipGRE, gre(0, etherIPv6, ipv6(ipUDP, "fd02::1", "fd02::2", vxlan(udpPacket)))), 0},
		{"in GRE, no VXLAN whatever the port", out4(ipGRE, gre(0, etherIPv4, ipv4(ipUDP, "192.0.2.1", "192.0.2.2", udp(53, 8472, make([]byte, 40))))), 0},
		{"VXLAN, of which the datapath says nothing", out4(ipUDP, vxlan(udpPacket)), 0},
		{"first fragment of a tunnel", ethernet(etherIPv4, fragmentOf(vxlanPacket[14:14+20+8+8+14+20+10], 0, true)), api.FlagVXLAN},
		{"tunnel with nothing in it", out4(4), 0},
		{"tunnel with something else than it says", out4(4, synAck6), 0},
		{"tunnel with a packet that is longer than it", out4(4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", syn4[20:])[:30]), 0},
	}
}
