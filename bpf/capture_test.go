// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestCapture shows how much of a packet is captured: 128 bytes, and what headers take up that a
// simple packet does not have.
func TestCapture(t *testing.T) {
	const src, dst, src6, dst6 = "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"
	data := bytes.Repeat([]byte{7}, 1000)
	ip4 := func(proto uint8, payload []byte) []byte {
		return ethernet(unix.ETH_P_IP, ipv4(src, dst, proto, 0, nil, payload))
	}
	ip6 := func(next uint8, payload []byte) []byte {
		return ethernet(unix.ETH_P_IPV6, ipv6(src6, dst6, next, payload))
	}
	frame := ip6(unix.IPPROTO_TCP, append(tcpSYN(443), data...))
	packet := frame[14:]
	in4 := ipv4(src, dst, unix.IPPROTO_UDP, 0, nil, datagram(53, data))

	objects, rd := loadPrograms(t)
	for _, tc := range []struct {
		name   string
		packet []byte
		want   int
	}{
		{"UDP", ip4(unix.IPPROTO_UDP, datagram(53, data)), 128},
		{"TCP over IPv6", frame, 128},
		{"short", ip4(unix.IPPROTO_UDP, udp(53)), 14 + 20 + 12},
		{"not IP", ethernet(unix.ETH_P_ARP, data), 128},
		{"VLAN", ethernet(unix.ETH_P_8021AD, vlan(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, in4))), 128 + 8},
		{"PPPoE", ethernet(unix.ETH_P_PPP_SES, pppoe(0x21, in4)), 128 + 8},
		{"MPLS", ethernet(unix.ETH_P_MPLS_UC, mpls(true, in4)), 128 + 4},
		{"IPv4 options", ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 0, make([]byte, 40), datagram(53, data))), 128 + 40},
		{"IPv4 authentication", ip4(unix.IPPROTO_AH, authentication(unix.IPPROTO_UDP, datagram(53, data))), 128 + 24},
		{"IPv6 extensions", ip6(unix.IPPROTO_ROUTING, extension(unix.IPPROTO_FRAGMENT, 2, fragmentHeader(unix.IPPROTO_UDP, 0, datagram(53, data)))), 128 + 24 + 8},
		{"IPv6 later fragment", ip6(unix.IPPROTO_DSTOPTS, extension(unix.IPPROTO_FRAGMENT, 4, fragmentHeader(unix.IPPROTO_UDP, 9, data))), 128 + 40 + 8},
		{"IPv6 extensions beyond the limit", ip6(unix.IPPROTO_DSTOPTS, extension(unix.IPPROTO_UDP, 80, datagram(53, data))), 512},
		{"VXLAN over IPv4", ip4(unix.IPPROTO_UDP, datagram(8472, vxlan(frame))), 128 + 14 + 20 + 8 + 8},
		{"VXLAN over IPv6", ip6(unix.IPPROTO_UDP, datagram(8472, vxlan(frame))), 128 + 14 + 40 + 8 + 8},
		{"Geneve with options over IPv6", ip6(unix.IPPROTO_UDP, datagram(6081, geneve(etherTypeTEB, make([]byte, 4*63), frame))), 128 + 14 + 40 + 8 + 8 + 4*63},
		{"the port of VXLAN", ip4(unix.IPPROTO_UDP, datagram(8472, data)), 128},
		{"4 in 4", ip4(unix.IPPROTO_IPIP, in4), 128 + 14 + 20},
		{"6 in 4", ip4(unix.IPPROTO_IPV6, packet), 128 + 14 + 20},
		{"4 in 6, by segment routing", ip6(unix.IPPROTO_ROUTING, extension(unix.IPPROTO_IPIP, 4, in4)), 128 + 14 + 40 + 40},
		{"6 in 6", ip6(unix.IPPROTO_IPV6, packet), 128 + 14 + 40},
		{"GRE", ip6(unix.IPPROTO_GRE, append([]byte{0, 0, 0x86, 0xdd}, packet...)), 128 + 14 + 40},
		{"EtherIP", ip4(protoEtherIP, append([]byte{0x30, 0}, frame...)), 128 + 14 + 20},
		{"Ethernet in IP", ip6(protoIPEthernet, frame), 128 + 14 + 40},
		{"MPLS in IP", ip4(unix.IPPROTO_MPLS, mpls(true, in4)), 128 + 14 + 20},
		{"ICMP error", ip4(unix.IPPROTO_ICMP, icmp(3, in4)), 128 + 14 + 20 + 8},
		{"ICMP echo", ip4(unix.IPPROTO_ICMP, icmp(8, data)), 128},
		{"ICMPv6 error", ip6(unix.IPPROTO_ICMPV6, icmp(2, packet)), 128 + 14 + 40 + 8},
		{"ICMPv6 redirect", ip6(unix.IPPROTO_ICMPV6, icmp(137, data)), 128 + 14 + 40 + 40},
		{"ICMPv6 echo", ip6(unix.IPPROTO_ICMPV6, icmp(128, data)), 128},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, events := run(t, objects.FromNetwork, rd, tc.packet)
			require.Len(t, events, 1)
			assert.Equal(t, len(tc.packet), events[0].lenOrig())
			assert.Equal(t, tc.packet[:tc.want], events[0].packet())
		})
	}
}

// TestTunnelFlags shows that a tunnel's packets are marked, in traces and in drops, and others
// with the port of one are not.
func TestTunnelFlags(t *testing.T) {
	const ipv6Flag, vxlanFlag, geneveFlag = 0x1, 0x4, 0x8
	const src, dst, src6, dst6 = "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"
	frame := udp4(src, dst, 53)
	traces, traced := loadPrograms(t)
	drops, dropped := loadPrograms(t, "any@0.0.0.0/0", "any@::/0")
	check := func(name string, flags uint8, packet []byte) {
		t.Run(name, func(t *testing.T) {
			_, events := run(t, traces.FromNetwork, traced, packet)
			require.Len(t, events, 1)
			assert.Equal(t, flags, events[0].u8(27), "flags of the trace")
			_, events = run(t, drops.ToNetwork, dropped, packet)
			require.Len(t, events, 2)
			require.Equal(t, eventDrop, events[1].typ())
			assert.Equal(t, flags, events[1].u8(36), "flags of the drop")
		})
	}
	checkUDP := func(name string, flags uint8, port uint16, payload []byte) {
		check(name, flags, ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 0, nil, datagram(port, payload))))
		check(name+" over IPv6", flags|ipv6Flag, ethernet(unix.ETH_P_IPV6, ipv6(src6, dst6, unix.IPPROTO_HOPOPTS,
			extension(unix.IPPROTO_UDP, 0, datagram(port, payload)))))
	}
	with := func(header []byte, at int, b uint8) []byte {
		header = slices.Clone(header)
		header[at] = b
		return header
	}

	checkUDP("VXLAN", vxlanFlag, 8472, vxlan(frame))
	checkUDP("VXLAN of IANA", vxlanFlag, 4789, vxlan(frame))
	checkUDP("VXLAN elsewhere", 0, 8473, vxlan(frame))
	checkUDP("VXLAN without a frame", vxlanFlag, 8472, vxlan(nil))
	checkUDP("VXLAN header cut", 0, 8472, vxlan(nil)[:7])
	checkUDP("VXLAN with a group", vxlanFlag, 8472, append([]byte{0x88, 0x48, 1, 2}, vxlan(frame)[4:]...))
	checkUDP("VXLAN with a group's flags alone", 0, 8472, with(vxlan(frame), 1, 0x40))
	checkUDP("VXLAN with a group but no flag", 0, 8472, with(vxlan(frame), 3, 1))
	checkUDP("VXLAN without I", 0, 8472, with(vxlan(frame), 0, 0))
	for bit := range 7 {
		if bit != 3 {
			checkUDP(fmt.Sprint("VXLAN with reserved bit ", bit), 0, 8472, with(vxlan(frame), 0, 8|1<<bit))
		}
	}
	checkUDP("VXLAN with something reserved", 0, 8472, with(vxlan(frame), 7, 1))
	checkUDP("DNS to the port of VXLAN", 0, 8472, []byte{0x08, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0})

	checkUDP("Geneve", geneveFlag, 6081, geneve(etherTypeTEB, nil, frame))
	checkUDP("Geneve of IPv4", geneveFlag, 6081, geneve(unix.ETH_P_IP, make([]byte, 8), frame[14:]))
	checkUDP("Geneve of IPv6", geneveFlag, 6081, geneve(unix.ETH_P_IPV6, nil, udp6(src6, dst6, 53)[14:]))
	checkUDP("Geneve of something else", 0, 6081, geneve(unix.ETH_P_ARP, nil, frame))
	checkUDP("Geneve of another version", 0, 6081, with(geneve(etherTypeTEB, nil, frame), 0, 0x40))
	checkUDP("Geneve with options past the end", 0, 6081, with(geneve(etherTypeTEB, nil, nil), 0, 1))
	checkUDP("Geneve to the port of VXLAN", 0, 8472, geneve(etherTypeTEB, nil, frame))

	check("TCP", 0, ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_TCP, 0, nil, tcpSYN(8472))))
	check("later fragment", 0, ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 1, nil, datagram(8472, vxlan(frame)))))
	check("first fragment", vxlanFlag, ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, unix.IP_MF, nil, datagram(8472, vxlan(frame)))))
}
