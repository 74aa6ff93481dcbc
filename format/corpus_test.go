// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/cilium/monitor/api"
)

// generator makes packets of all kinds, nested in each other at random.
type generator struct {
	*rand.Rand
	overlay uint8 // flag of the overlay in the packet at hand
	quoting bool  // an ICMP error is made, which has no overlay in what it quotes
}

// corpusPacket is a packet as it was captured.
type corpusPacket struct {
	captured []byte
	length   int // of the whole packet
	flags    uint8
	mutated  bool
}

// maxDepth is how many tunnels there are at most in each other.
const maxDepth = 3

// corpus returns n packets, the same ones each time. A quarter is cut short, a quarter damaged.
func corpus(n int) []corpusPacket {
	g := &generator{Rand: rand.New(rand.NewPCG(11, 1))}
	var all []corpusPacket
	for range n {
		g.overlay = 0
		whole := g.frame(maxDepth)
		p := corpusPacket{captured: whole, length: len(whole), flags: g.overlay}
		if etherType := binary.BigEndian.Uint16(whole[12:]); g.one(8) && (etherType == etherIPv4 || etherType == etherIPv6) {
			p = corpusPacket{captured: whole[14:], length: len(whole) - 14, flags: g.overlay | api.FlagL3Device}
		}
		switch g.IntN(4) {
		case 0:
			p.captured = p.captured[:1+g.IntN(len(p.captured))]
		case 1:
			p.mutated = true
			for range 1 + g.IntN(3) {
				p.captured[g.IntN(len(p.captured))] = byte(g.Uint32())
			}
		}
		all = append(all, p)
	}
	return all
}

func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

// frame returns an Ethernet frame. depth says how many tunnels there can be in it.
func (g *generator) frame(depth int) []byte {
	etherType, payload := g.etherPayload(depth)
	for range []int{0, 0, 0, 0, 1, 1, 2, 3}[g.IntN(8)] {
		payload = vlan(uint16(g.Uint32()), etherType, payload)
		etherType = []uint16{0x8100, 0x8100, 0x88a8, 0x9100}[g.IntN(4)]
	}
	return ethernet(etherType, payload)
}

func (g *generator) etherPayload(depth int) (etherType uint16, payload []byte) {
	switch g.IntN(20) {
	case 0:
		return etherARP, arpPacket[14:]
	case 1:
		return 0x8847, mpls(g.network(depth), slices.Repeat([]uint32{17}, 1+g.IntN(3))...)
	case 2:
		return 0x88b5, g.bytes(20)
	case 3:
		stp := append([]byte{0x42, 0x42, 3}, make([]byte, 35)...)
		return uint16(len(stp)), stp
	case 4:
		packet := g.ipv4(depth)
		return uint16(8 + len(packet)), append([]byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, packet...)
	case 5:
		packet := g.network(depth)
		if packet[0]>>4 == 6 {
			return 0x8864, pppoe(0x57, packet)
		}
		return 0x8864, pppoe(0x21, packet)
	default:
		payload = g.network(depth)
		if payload[0]>>4 == 6 {
			return etherIPv6, payload
		}
		return etherIPv4, payload
	}
}

func (g *generator) addr4() string {
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + g.IntN(250))}).String()
}

func (g *generator) addr6() string {
	return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(1 + g.IntN(250))}).String()
}

// network returns a packet of IPv4 or IPv6.
func (g *generator) network(depth int) []byte {
	if g.one(2) {
		return g.ipv4(depth)
	}
	return g.ipv6(depth)
}

func (g *generator) ipv4(depth int) []byte {
	protocol, payload := g.transport(depth, false)
	if g.one(10) {
		protocol, payload = ipAH, ah(protocol, payload)
	}
	var options []byte
	if g.one(8) {
		options = slices.Repeat([]byte{1}, 4*(1+g.IntN(10)))
	}
	packet := ipv4Options(protocol, g.addr4(), g.addr4(), options, payload)
	if depth == maxDepth && g.one(50) {
		packet[2], packet[3] = 0, 0 // as of a packet of more than 64 KiB
	}
	switch g.IntN(16) {
	case 0:
		return fragmentOf(packet, 0, true)
	case 1:
		return fragmentOf(packet, 8*uint16(1+g.IntN(1000)), g.one(2))
	default:
		return packet
	}
}

func (g *generator) ipv6(depth int) []byte {
	next, payload := g.transport(depth, true)
	for range []int{0, 0, 0, 1, 2, 4}[g.IntN(6)] {
		switch g.IntN(6) {
		case 0:
			next, payload = 60, extension(next, byte(g.IntN(3)), payload)
		case 1:
			next, payload = 43, segmentRouting(next, payload, slices.Repeat([]string{g.addr6()}, 1+g.IntN(3))...)
		case 2:
			next, payload = ipFragment, fragment(next, 0, g.one(2), payload)
		case 3:
			next, payload = ipFragment, fragment(next, 8*uint16(1+g.IntN(1000)), g.one(2), payload)
		case 4:
			next, payload = ipAH, ah(next, payload)
		case 5:
			next, payload = 140, shim6(next, payload)
		}
	}
	if g.one(8) {
		next, payload = 0, extension(next, byte(g.IntN(3)), payload)
	}
	packet := ipv6(next, g.addr6(), g.addr6(), payload)
	if depth == maxDepth && g.one(50) {
		packet[4], packet[5] = 0, 0
	}
	return packet
}

func (g *generator) port() uint16 { return uint16(40000 + g.IntN(1000)) }

// transport returns a datagram, segment or message, and its protocol number. Deeper than depth there is no tunnel.
func (g *generator) transport(depth int, v6 bool) (protocol byte, payload []byte) {
	if depth > 0 && g.one(2) {
		return g.tunnel(depth - 1)
	}
	data := g.bytes(g.IntN(40))
	switch g.IntN(14) {
	case 0:
		return ipSCTP, []byte{0x9c, 0x41, 0x9c, 0x42, 0, 0, 0, 3, 0, 0, 0, 4}
	case 1:
		return ipUDPLite, udp(g.port(), g.port(), data)
	case 2:
		return 33, []byte{0x9c, 0x41, 0x9c, 0x42, 4, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 2}
	case 3:
		return ipESP, append([]byte{0, 0, 0, 9, 0, 0, 0, 1}, data...)
	case 4:
		if v6 && g.one(2) {
			return []byte{135, 139}[g.IntN(2)], []byte{59, 1, 1, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		}
		return ipVRRP, []byte{0x21, 1, 100, 1, 0, 1, 0, 0, 10, 0, 0, 9}
	case 5:
		return ipIGMP, igmp3Packet[34:]
	case 6, 7:
		return g.icmp(v6)
	case 8, 9, 10:
		return ipUDP, udp(g.port(), g.port(), data)
	default:
		return ipTCP, tcp(g.port(), g.port(), byte(g.Uint32()), [][]byte{nil, synOptions, {1, 1, 1, 1}}[g.IntN(3)], data)
	}
}

func (g *generator) icmp(v6 bool) (protocol byte, payload []byte) {
	g.quoting = true
	about := g.network(1)
	g.quoting = false
	about = about[:min(len(about), 40+g.IntN(60))]
	if v6 {
		if g.one(2) || about[0]>>4 != 6 {
			return ipICMPv6, []byte{byte(128 + g.IntN(2)), 0, 0, 0, 0, 1, 0, 2}
		}
		return ipICMPv6, append([]byte{[]byte{1, 2, 3, 4, 1, 2, 3, 100}[g.IntN(8)], byte(g.IntN(4)), 0, 0, 0, 0, 0, 0}, about...)
	}
	if g.one(2) || about[0]>>4 != 4 {
		return ipICMP, []byte{byte(8 * g.IntN(2)), 0, 0, 0, 0, 1, 0, 2}
	}
	return ipICMP, append([]byte{[]byte{3, 4, 5, 11, 12}[g.IntN(5)], byte(g.IntN(4)), 0, 0, 0, 0, 0, 0}, about...)
}

func (g *generator) tunnel(depth int) (protocol byte, payload []byte) {
	switch n := g.IntN(10); {
	case n < 2:
		return 4, g.ipv4(depth)
	case n < 4:
		return 41, g.ipv6(depth)
	case n < 5 && g.one(3):
		switch g.IntN(4) {
		case 0:
			return ipGRE, gre(0x10, 0x88be, erspan2, g.frame(depth))
		case 1:
			return ipGRE, gre(0x10, 0x22eb, erspan3(0), g.frame(depth))
		case 2:
			return ipGRE, gre(0, 0x88be, g.frame(depth))
		default:
			return ipGRE, pptp([]byte{0xff, 3, 0, 0x21}, g.ipv4(depth))
		}
	case n < 5:
		flags := byte(g.IntN(4))<<4 | byte(g.IntN(2))<<7
		if g.one(2) {
			return ipGRE, gre(flags, 0x6558, g.frame(depth))
		}
		etherType, payload := g.etherPayload(depth)
		if etherType < 0x600 || etherType == 0x8864 { // which GRE does not carry
			etherType = 0x88b5
		}
		return ipGRE, gre(flags, etherType, payload)
	case n < 6:
		switch g.IntN(3) {
		case 0:
			return 143, g.frame(depth)
		case 1:
			return 97, append([]byte{0x30, 0}, g.frame(depth)...)
		default:
			return 137, mpls(g.network(depth), 99)
		}
	case n < 8:
		if depth == maxDepth-1 && !g.quoting { // of others, nobody says anything
			g.overlay = api.FlagVXLAN
		}
		return ipUDP, vxlan(g.frame(depth))
	default:
		if depth == maxDepth-1 && !g.quoting {
			g.overlay = api.FlagGeneve
		}
		options := [][]byte{nil, {1, 0x4b, 0x80, 1, 0, 0, 0, 1}}[g.IntN(2)]
		if g.one(2) {
			return ipUDP, geneve(0x6558, options, g.frame(depth))
		}
		payload := g.network(depth)
		if payload[0]>>4 == 6 {
			return ipUDP, geneve(etherIPv6, options, payload)
		}
		return ipUDP, geneve(etherIPv4, options, payload)
	}
}
