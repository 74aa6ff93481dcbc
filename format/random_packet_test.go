// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/cilium/monitor/api"
)

// fact is a value that a packet has and a filter flag can ask for.
type fact struct{ scope, flag, value string }

// Headers around what a tunnel carries, and the others.
const (
	scopeOuter = "outer"
	scopeInner = "inner"
)

// What random packets are made of. Not every packet has all of it.
var (
	ipv4Pool = []string{"10.0.0.1", "10.0.0.2", "10.0.1.1", "192.168.0.1", "192.168.0.2", "172.16.5.5"}
	ipv6Pool = []string{"fd00::1", "fd00::2", "fd00:1::1", "2001:db8::1", "2001:db8::2", "fe80::5"}
	portPool = []uint16{1, 53, 80, 443, 8080, 34567, 65535}
)

// randomPacket builds packets from the outside in and notes what is in them.
type randomPacket struct {
	*rand.Rand
	bytes []byte
	facts map[fact]bool
	flags uint8 // of the event
}

func newRandomPacket(r *rand.Rand) *randomPacket {
	p := &randomPacket{Rand: r, facts: make(map[fact]bool)}
	if p.IntN(5) == 0 {
		p.flags = api.FlagL3Device
		p.bytes, _ = p.anyIP(0, false)
	} else {
		p.bytes = p.frame(0, false)
	}
	return p
}

func (p *randomPacket) note(scope, flag, value string) { p.facts[fact{scope, flag, value}] = true }

func (p *randomPacket) noteProtocol(scope string, number byte) {
	p.note(scope, "protocol", strconv.Itoa(int(number)))
}

func pick[T any](p *randomPacket, from []T) T { return from[p.IntN(len(from))] }

func (p *randomPacket) frame(depth int, quoted bool) []byte {
	switch p.IntN(8) {
	case 0:
		sender, target := pick(p, ipv4Pool), pick(p, ipv4Pool)
		p.note(scopeInner, "src-ip", sender)
		p.note(scopeInner, "dst-ip", target)
		return ethernet(etherARP, []byte{0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1}, addr(sender), make([]byte, 6), addr(target))
	case 1:
		packet, _ := p.anyIP(depth, quoted)
		return ethernet(0x8847, mpls(packet, 16, 17))
	case 2:
		packet, etherType := p.anyIP(depth, quoted)
		return ethernet(uint16(8+len(packet)), []byte{0xaa, 0xaa, 3, 0, 0, 0, byte(etherType >> 8), byte(etherType)}, packet)
	}
	packet, etherType := p.anyIP(depth, quoted)
	if p.IntN(8) == 0 {
		packet, etherType = pppoe(map[uint16]uint16{etherIPv4: 0x21, etherIPv6: 0x57}[etherType], packet), 0x8864
	}
	for range p.IntN(3) {
		packet, etherType = vlan(uint16(p.IntN(4095)), etherType, packet), 0x8100
	}
	return ethernet(etherType, packet)
}

func addr(text string) []byte { return netip.MustParseAddr(text).AsSlice() }

func (p *randomPacket) anyIP(depth int, quoted bool) (packet []byte, etherType uint16) {
	return p.ip(depth, quoted, p.IntN(2) == 0)
}

// ip returns a packet of a version of IP, in a quote of an ICMP error or not, and its EtherType.
func (p *randomPacket) ip(depth int, quoted, v6 bool) (packet []byte, etherType uint16) {
	pool := ipv4Pool
	if v6 {
		pool = ipv6Pool
	}
	src, dst := pick(p, pool), pick(p, pool)
	scope, protocol, payload := p.carried(depth, v6, quoted)
	p.note(scope, "src-ip", src)
	p.note(scope, "dst-ip", dst)
	p.noteProtocol(scope, protocol)
	if p.IntN(4) == 0 {
		payload, protocol = ah(protocol, payload), ipAH
		p.noteProtocol(scope, protocol)
	}
	if !v6 {
		packet = ipv4(protocol, src, dst, payload)
		if p.IntN(4) == 0 {
			packet = ipv4Options(protocol, src, dst, []byte{0x94, 4, 0, 0}, payload)
		}
		return packet, etherIPv4
	}
	for _, extra := range []struct {
		protocol byte
		of       func() []byte
	}{
		{ipFragment, func() []byte { return fragment(protocol, 0, false, payload) }},
		{60, func() []byte { return extension(protocol, byte(p.IntN(2)), payload) }},
		{43, func() []byte {
			way := pick(p, ipv6Pool)
			p.note(scope, "dst-ip", way)
			return segmentRouting(protocol, payload, way)
		}},
		{0, func() []byte { return extension(protocol, 0, payload) }},
	} {
		if p.IntN(4) == 0 {
			payload, protocol = extra.of(), extra.protocol
			p.noteProtocol(scope, protocol)
		}
	}
	return ipv6(protocol, src, dst, payload), etherIPv6
}

// carried returns what an IP packet carries, and the scope that this makes of it.
func (p *randomPacket) carried(depth int, v6, quoted bool) (scope string, protocol byte, payload []byte) {
	if depth < 3 && p.IntN(3) == 0 {
		protocol, payload = p.tunnel(depth+1, quoted)
		return scopeOuter, protocol, payload
	}
	src, dst := pick(p, portPool), pick(p, portPool)
	noted := func(protocol byte, payload []byte) (string, byte, []byte) {
		p.note(scopeInner, "src-port", strconv.Itoa(int(src)))
		p.note(scopeInner, "dst-port", strconv.Itoa(int(dst)))
		return scopeInner, protocol, payload
	}
	switch p.IntN(8) {
	case 0, 1:
		flags := byte(p.IntN(256))
		for bit, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
			if flags&(1<<bit) != 0 {
				p.note(scopeInner, "tcp-flags", name)
			}
		}
		return noted(ipTCP, tcp(src, dst, flags, pick(p, [][]byte{nil, synOptions}), []byte("hello")))
	case 2:
		return noted(ipUDP, udp(src, dst, []byte("hello")))
	case 3:
		return noted(ipSCTP, append(udp(src, dst, nil), 0, 0, 0, 0))
	case 4:
		return noted(ipUDPLite, udp(src, dst, []byte("hello")))
	case 5:
		if quoted { // an error is not about an error
			return scopeInner, ipESP, make([]byte, 8)
		}
		head, number := []byte{3, 3, 0, 0, 0, 0, 0, 0}, byte(ipICMP)
		if v6 {
			head, number = []byte{1, 4, 0, 0, 0, 0, 0, 0}, ipICMPv6
		}
		about, _ := p.ip(depth+1, true, v6)
		return scopeInner, number, append(head, about...)
	case 6:
		target, of := pick(p, ipv6Pool), pick(p, []byte{135, 136})
		if !v6 {
			return scopeInner, ipICMP, []byte{8, 0, 0, 0, 0, 1, 0, 2}
		}
		p.note(scopeInner, map[byte]string{135: "dst-ip", 136: "src-ip"}[of], target)
		return scopeInner, ipICMPv6, append([]byte{of, 0, 0, 0, 0, 0, 0, 0}, addr(target)...)
	default:
		return scopeInner, pick(p, []byte{89, 200, ipESP}), make([]byte, 8)
	}
}

// tunnel returns a tunnel with a packet or a frame.
func (p *randomPacket) tunnel(depth int, quoted bool) (protocol byte, payload []byte) {
	overlay := func(flag uint8) { // of others than the outermost, nobody says anything
		if depth == 1 {
			p.flags |= flag
		}
	}
	noted := func(port uint16) {
		p.note(scopeOuter, "src-port", "40000")
		p.note(scopeOuter, "dst-port", strconv.Itoa(int(port)))
	}
	switch p.IntN(8) {
	case 0:
		switch p.IntN(3) {
		case 0:
			return ipGRE, gre(0x20, 0x6558, p.frame(depth, quoted))
		case 1:
			return ipGRE, gre(0x10, 0x88be, erspan2, p.frame(depth, quoted))
		default:
			return ipGRE, gre(0x10, 0x22eb, erspan3(0), p.frame(depth, quoted))
		}
	case 1:
		return 97, append([]byte{0x30, 0}, p.frame(depth, quoted)...)
	case 2:
		return 143, p.frame(depth, quoted)
	case 3:
		packet, _ := p.anyIP(depth, quoted)
		return 137, mpls(packet, 100)
	case 4:
		overlay(api.FlagVXLAN)
		noted(8472)
		return ipUDP, vxlan(p.frame(depth, quoted))
	case 5:
		overlay(api.FlagGeneve)
		noted(6081)
		packet, etherType := p.anyIP(depth, quoted)
		return ipUDP, geneve(etherType, []byte{1, 0x4b, 0x80, 0}, packet)
	case 6:
		packet, etherType := p.anyIP(depth, quoted)
		return ipGRE, gre(0, etherType, packet)
	}
	packet, etherType := p.anyIP(depth, quoted)
	if etherType == etherIPv6 {
		return 41, packet
	}
	return 4, packet
}
