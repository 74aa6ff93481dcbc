// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sys/unix"
)

// Addresses of corpus packets. Where the type of an Ethernet frame would be, a packet from these has
// that of IP, from which the kernel takes it when a program for devices without Ethernet header is tried.
const (
	corpusSrc4, corpusDst4 = "8.0.0.%d", "10.0.0.%d"
	corpusSrc6, corpusDst6 = "2001:db8:86dd::%d", "fd00::%d"
	corpusMapped           = "::ffff:10.0.0.%d"
)

// corpusPacket is a frame, and what the one who made it knows of it.
type corpusPacket struct {
	frame    []byte
	damaged  bool // cut, or with random bytes: nothing of the rest is sure
	carries  bool // one other packet, in a tunnel
	icmpType int  // of the outermost header; -1 without
}

// corpus makes frames at random, the same ones each time.
type corpus struct {
	*rand.Rand
	corpusPacket
}

func newCorpus(n int) (packets []corpusPacket) {
	c := &corpus{Rand: rand.New(rand.NewPCG(4890, 7348))}
	for range n {
		c.corpusPacket = corpusPacket{icmpType: -1}
		c.frame = c.link()
		switch c.IntN(6) {
		case 0:
			c.damaged = true
			c.frame = c.frame[:14+c.IntN(len(c.frame)-14)]
		case 1:
			c.damaged = true
			for range 1 + c.IntN(3) {
				c.frame[12+c.IntN(len(c.frame)-12)] = byte(c.Uint32())
			}
		}
		packets = append(packets, c.corpusPacket)
	}
	return packets
}

func (c *corpus) addr(form string) string { return fmt.Sprintf(form, 1+c.IntN(3)) }

func (c *corpus) oneOf(values ...int) int { return values[c.IntN(len(values))] }

func (c *corpus) link() []byte {
	packet := c.network()
	etherType := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		etherType = unix.ETH_P_IPV6
	}
	switch c.IntN(12) {
	case 0:
		return ethernet(unix.ETH_P_ARP, make([]byte, 28))
	case 1:
		for i := range 1 + c.IntN(8) {
			packet = mpls(i == 0, packet)
		}
		etherType = unix.ETH_P_MPLS_UC
	}
	if etherType != unix.ETH_P_MPLS_UC && c.IntN(8) == 0 {
		packet = pppoe(map[uint16]uint16{unix.ETH_P_IP: 0x21, unix.ETH_P_IPV6: 0x57}[etherType], packet)
		etherType = unix.ETH_P_PPP_SES
	}
	tags := c.oneOf(0, 0, 0, 0, 1, 1, 2, 3, 8)
	snap := -1
	if c.IntN(6) == 0 {
		snap = c.IntN(tags + 1)
	}
	for i := range tags + 1 {
		if i == snap {
			packet = snapHeader(etherType, packet)
			etherType = uint16(len(packet))
		}
		if i == tags {
			break
		}
		packet = vlan(etherType, packet)
		etherType = uint16(c.oneOf(unix.ETH_P_8021Q, unix.ETH_P_8021AD, etherTypeQinQ))
	}
	return ethernet(etherType, packet)
}

func (c *corpus) network() []byte {
	if c.IntN(2) == 0 {
		return c.ipv4()
	}
	return c.ipv6()
}

func (c *corpus) ipv4() []byte {
	proto, payload := c.upper(unix.IPPROTO_ICMP)
	for range c.oneOf(0, 0, 0, 1, 2) {
		proto, payload = unix.IPPROTO_AH, authentication(proto, payload)
	}
	fragment := uint16(c.oneOf(0, 0, 0, unix.IP_MF, unix.IP_DF, 5, unix.IP_MF|7))
	c.fragment(fragment & 0x1fff)
	packet := ipv4(c.addr(corpusSrc4), c.addr(corpusDst4), proto, fragment, make([]byte, 4*c.oneOf(0, 0, 0, 1, 10)), payload)
	switch c.IntN(12) {
	case 0:
		binary.BigEndian.PutUint16(packet[2:], 0) // of more than 64 KiB
	case 1:
		packet = append(packet, 1, 2, 3, 4, 5, 6) // behind the end
	}
	return packet
}

func (c *corpus) ipv6() []byte {
	next, payload := c.upper(unix.IPPROTO_ICMPV6)
	for range c.oneOf(0, 0, 0, 1, 2, 4, 16) {
		kind := uint8(c.oneOf(unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS, unix.IPPROTO_MH, protoHIP, protoShim6,
			unix.IPPROTO_AH, unix.IPPROTO_FRAGMENT))
		switch {
		case kind == unix.IPPROTO_AH:
			payload = authentication(next, payload)
		case kind == unix.IPPROTO_FRAGMENT:
			offset := uint16(c.oneOf(0, 0, 0, 9))
			c.fragment(offset)
			payload = fragmentHeader(next, offset, payload)
		default:
			payload = extension(next, uint8(c.IntN(3)), payload)
		}
		next = kind
	}
	packet := ipv6(c.addr(corpusSrc6), c.addr([]string{corpusDst6, corpusDst6, corpusMapped}[c.IntN(3)]), next, payload)
	if c.IntN(12) == 0 {
		ipv6Length(0, packet) // of more than 64 KiB
	}
	return packet
}

// fragment notes that the packet is one, of which the later ones do not tell what they are of.
func (c *corpus) fragment(offset uint16) {
	if offset != 0 {
		c.icmpType, c.carries = -1, false
	}
}

// upper is what IP carries; icmpProto is the number of its ICMP.
func (c *corpus) upper(icmpProto uint8) (proto uint8, payload []byte) {
	port := uint16(c.oneOf(9999, 9999, 53, 8472, 6081))
	switch c.IntN(12) {
	case 0, 1:
		return unix.IPPROTO_TCP, tcpSYN(port)
	case 2, 3:
		return unix.IPPROTO_UDP, udp(port)
	case 4:
		return unix.IPPROTO_SCTP, append(udp(port), 0, 0, 0, 0)
	case 5:
		return protoUDPLite, udp(port)
	case 6:
		return protoDCCP, append(udp(port)[:4], 4, 0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 2)
	case 7:
		return uint8(c.oneOf(unix.IPPROTO_ESP, unix.IPPROTO_IGMP, unix.IPPROTO_PIM, 59, 253)), make([]byte, 8+c.IntN(20))
	case 8, 9:
		c.icmpType = c.oneOf(append(append(append([]int{0, 8, 5, 128, 129, 138, 144}, errorsV4...), errorsV6...), linkV6...)...)
		return icmpProto, icmp(uint8(c.icmpType), nil)
	default:
		c.carries = true
		return c.tunnel()
	}
}

func (c *corpus) tunnel() (proto uint8, payload []byte) {
	inner := udp4("10.9.9.1", "10.9.9.2", uint16(c.oneOf(9999, 53)))
	switch c.IntN(8) {
	case 0, 1:
		return unix.IPPROTO_UDP, datagram(uint16(c.oneOf(8472, 4789)), vxlan(inner))
	case 2, 3:
		return unix.IPPROTO_UDP, datagram(6081, geneve(etherTypeTEB, make([]byte, 4*c.IntN(64)), inner))
	case 4:
		return unix.IPPROTO_IPIP, inner[14:]
	case 5:
		return unix.IPPROTO_IPV6, udp6("fd09::1", "fd09::2", 9999)[14:]
	case 6:
		return unix.IPPROTO_GRE, append([]byte{0, 0, 8, 0}, inner[14:]...)
	default:
		return protoEtherIP, append([]byte{0x30, 0}, inner...)
	}
}
