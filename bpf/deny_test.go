// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
)

// denyCase is a packet and whether the rules of a test drop it on ingress and egress.
type denyCase struct {
	name            string
	packet          []byte
	ingress, egress bool
}

func checkDeny(t *testing.T, rules []string, cases []denyCase) {
	objects, rd := loadPrograms(t, rules...)
	for _, tc := range cases {
		t.Run(fmt.Sprint(rules, " ", tc.name), func(t *testing.T) {
			for _, dir := range []struct {
				prog   *ebpf.Program
				denied bool
				before []int // event types before the verdict
			}{
				{objects.FromNetwork, tc.ingress, []int{eventTrace}},
				{objects.ToNetwork, tc.egress, nil},
			} {
				verdict, events := run(t, dir.prog, rd, tc.packet)
				want, types := verdictNext, []int{eventTrace}
				if dir.denied {
					want, types = verdictDrop, append(dir.before, eventPolicyVerdict, eventDrop)
				}
				assert.Equal(t, want, verdict, dir.prog)
				var got []int
				for _, e := range events {
					got = append(got, e.typ())
				}
				assert.Equal(t, types, got, dir.prog)
			}
		})
	}
}

func TestDenyRules(t *testing.T) {
	const here, there, elsewhere = "10.0.0.1", "10.9.9.9", "192.0.2.1"
	const here6, there6 = "fd00::1", "fd00:9::9"

	checkDeny(t, []string{"udp/9999"}, []denyCase{
		{"its port", udp4(here, there, 9999), true, true},
		{"IPv6", udp6(here6, there6, 9999), true, true},
		{"other port", udp4(here, there, 9998), false, false},
		{"other protocol", ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_TCP, 0, nil, tcpSYN(9999))), false, false},
	})
	checkDeny(t, []string{"any/53"}, []denyCase{
		{"udp", udp4(here, there, 53), true, true},
		{"tcp", ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_TCP, 0, nil, tcpSYN(53))), true, true},
		{"a protocol without ports", ethernet(unix.ETH_P_IP, ipv4(here, there, unix.IPPROTO_GRE, 0, nil, udp(53))), false, false},
	})
	checkDeny(t, []string{"@10.9.0.0/16"}, []denyCase{
		{"from it", udp4(there, here, 1), true, false},
		{"to it", udp4(here, there, 1), false, true},
		{"neither", udp4(here, elsewhere, 1), false, false},
		{"IPv6", udp6(here6, there6, 1), false, false},
		{"a fragment", ethernet(unix.ETH_P_IP, ipv4(there, here, unix.IPPROTO_UDP, 5, nil, udp(1))), true, false},
	})
	checkDeny(t, []string{"udp/1@fd00:9::/33"}, []denyCase{
		{"from it", udp6(there6, here6, 1), true, false},
		{"to it", udp6(here6, there6, 1), false, true},
		{"past the prefix", udp6("fd00:9:8000::1", here6, 1), false, false},
		{"IPv4", udp4(here, there, 1), false, false},
	})
	const mapped = "::ffff:10.9.9.9"
	checkDeny(t, []string{"udp/1@10.9.0.0/16"}, []denyCase{
		{"from an IPv4-mapped address of it", udp6(mapped, here6, 1), true, false},
		{"to an IPv4-mapped address of it", udp6(here6, mapped, 1), false, true},
		{"another IPv4-mapped address", udp6(here6, "::ffff:192.0.2.1", 1), false, false},
		{"an address that ends like it", udp6(here6, "::fffe:10.9.9.9", 1), false, false},
	})
	checkDeny(t, []string{"any@::/0"}, []denyCase{{"IPv4-mapped", udp6(here6, mapped, 1), true, true}, {"IPv4", udp4(here, there, 1), false, false}})
	checkDeny(t, []string{"any@0.0.0.0/0"}, []denyCase{
		{"IPv4", udp4(here, there, 1), true, true},
		{"IPv6", udp6(here6, there6, 1), false, false},
		{"ARP", ethernet(unix.ETH_P_ARP, make([]byte, 28)), false, false},
	})
	checkDeny(t, manyRules(MaxRules), []denyCase{
		{"the last of 64", udp4(here, there, MaxRules), true, true},
		{"none", udp4(here, there, MaxRules+1), false, false},
	})
}

// manyRules returns n rules; the last denies port n.
func manyRules(n int) (rules []string) {
	for i := range n {
		rules = append(rules, fmt.Sprintf("udp/%d", i+1))
	}
	return rules
}

func TestDenyOddPackets(t *testing.T) {
	const src, dst, src6, dst6 = "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"
	const p = 9999
	ip4 := ipv4(src, dst, unix.IPPROTO_UDP, 0, nil, udp(p))
	ip6 := func(next uint8, payload []byte) []byte {
		return ethernet(unix.ETH_P_IPV6, ipv6(src6, dst6, next, payload))
	}
	inIPv4 := func(proto uint8, payload []byte) []byte {
		return ethernet(unix.ETH_P_IP, ipv4(src, dst, proto, 0, nil, payload))
	}
	extensions := func(n int) []byte {
		payload, next := udp(p), uint8(unix.IPPROTO_UDP)
		for range n {
			payload, next = extension(next, 1, payload), unix.IPPROTO_DSTOPTS
		}
		return ip6(next, payload)
	}
	// all has each kind of extension header, twice, in an order that no RFC has.
	all := udp(p)
	next := uint8(unix.IPPROTO_UDP)
	for _, kind := range []uint8{
		unix.IPPROTO_HOPOPTS, unix.IPPROTO_FRAGMENT, unix.IPPROTO_MH, unix.IPPROTO_AH, protoHIP, unix.IPPROTO_DSTOPTS,
		protoShim6, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS, unix.IPPROTO_AH, unix.IPPROTO_FRAGMENT, unix.IPPROTO_HOPOPTS,
	} {
		switch kind {
		case unix.IPPROTO_FRAGMENT:
			all = fragmentHeader(next, 0, all)
		case unix.IPPROTO_AH:
			all = authentication(next, all)
		default:
			all = extension(next, 2, all)
		}
		next = kind
	}
	tags := func(n int) []byte {
		packet, etherType := ip4, uint16(unix.ETH_P_IP)
		for i := range n {
			packet, etherType = vlan(etherType, packet), []uint16{unix.ETH_P_8021Q, unix.ETH_P_8021AD, etherTypeQinQ}[i%3]
		}
		return ethernet(etherType, packet)
	}
	labels := func(n int, packet []byte) []byte {
		for i := range n {
			packet = mpls(i == 0, packet)
		}
		return ethernet(unix.ETH_P_MPLS_UC, packet)
	}
	lengthOf := func(payload []byte) []byte { return ethernet(uint16(len(payload)), payload) }
	length := func(n uint16, packet []byte) []byte { // of an IPv4 packet, whatever it is
		packet = slices.Clone(packet)
		binary.BigEndian.PutUint16(packet[2:], n)
		return packet
	}

	checkDeny(t, []string{fmt.Sprintf("udp/%d", p)}, []denyCase{
		{"VLAN", ethernet(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, ip4)), true, true},
		{"two VLANs", ethernet(unix.ETH_P_8021AD, vlan(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, ip4))), true, true},
		{"eight VLANs", tags(8), true, true},
		{"nine VLANs", tags(9), true, true},
		{"ten VLANs", tags(10), false, false},
		{"VLAN cut short", ethernet(unix.ETH_P_8021Q, []byte{0, 1, 8}), false, false},
		{"SNAP", lengthOf(snapHeader(unix.ETH_P_IP, ip4)), true, true},
		{"SNAP between VLANs", ethernet(unix.ETH_P_8021Q, vlan(uint16(12+len(ip4)), snapHeader(unix.ETH_P_8021Q, vlan(unix.ETH_P_IP, ip4)))), true, true},
		{"SNAP before PPPoE", lengthOf(snapHeader(unix.ETH_P_PPP_SES, pppoe(0x21, ip4))), true, true},
		{"SNAP twice", lengthOf(snapHeader(unix.ETH_P_8021Q, vlan(uint16(8+len(ip4)), snapHeader(unix.ETH_P_IP, ip4)))), false, false},
		{"SNAP of an organisation", lengthOf(append([]byte{0xaa, 0xaa, 3, 0, 0, 1, 8, 0}, ip4...)), false, false},
		{"LLC", lengthOf(append([]byte{0x42, 0x42, 3, 0, 0, 0, 8, 0}, ip4...)), false, false},
		{"LLC with a number", lengthOf(append([]byte{0xaa, 0xaa, 0, 0, 0, 0, 8, 0}, ip4...)), false, false},
		{"SNAP that ends before the ports", ethernet(8+23, snapHeader(unix.ETH_P_IP, ip4)), false, false},
		{"SNAP cut short", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0, 8}), false, false},
		{"PPPoE", ethernet(unix.ETH_P_PPP_SES, pppoe(0x21, ip4)), true, true},
		{"PPPoE with IPv6 behind a VLAN", ethernet(unix.ETH_P_8021Q, vlan(unix.ETH_P_PPP_SES, pppoe(0x57, ipv6(src6, dst6, unix.IPPROTO_UDP, udp(p))))), true, true},
		{"PPPoE of something else", ethernet(unix.ETH_P_PPP_SES, pppoe(0xc021, ip4)), false, false},
		{"PPPoE discovery", ethernet(unix.ETH_P_PPP_DISC, pppoe(0x21, ip4)), false, false},
		{"PPPoE that ends before the ports", ethernet(unix.ETH_P_PPP_SES, append([]byte{0x11, 0, 0, 1, 0, 2 + 23, 0, 0x21}, ip4...)), false, false},
		{"PPPoE without PPP", ethernet(unix.ETH_P_PPP_SES, append([]byte{0x11, 0, 0, 1, 0, 0, 0, 0x21}, ip4...)), false, false},
		{"MPLS label", labels(1, ip4), true, true},
		{"eight MPLS labels", labels(8, ipv6(src6, dst6, unix.IPPROTO_UDP, udp(p))), true, true},
		{"nine MPLS labels", labels(9, ip4), false, false},
		{"MPLS of something else", labels(1, append(make([]byte, 4), ip4...)), false, false},
		{"MPLS label cut short", ethernet(unix.ETH_P_MPLS_UC, []byte{0, 0, 1}), false, false},
		{"IPv4 options", ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 0, make([]byte, 40), udp(p))), true, true},
		{"IPv4 first fragment", ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, unix.IP_MF, nil, udp(p))), true, true},
		{"IPv4 later fragment", ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 1, nil, udp(p))), false, false},
		{"IPv4 authentication", inIPv4(unix.IPPROTO_AH, authentication(unix.IPPROTO_UDP, udp(p))), true, true},
		{"IPv4 authentication, twice", inIPv4(unix.IPPROTO_AH, authentication(unix.IPPROTO_AH, authentication(unix.IPPROTO_UDP, udp(p)))), true, true},
		{"IPv4 authentication too short", inIPv4(unix.IPPROTO_AH, append([]byte{unix.IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 0}, udp(p)...)), false, false},
		{"IPv4 encrypted", inIPv4(unix.IPPROTO_ESP, udp(p)), false, false},
		{"IPv4 with an extension of IPv6", inIPv4(unix.IPPROTO_DSTOPTS, extension(unix.IPPROTO_UDP, 0, udp(p))), false, false},
		{"IPv4 header length too small", ethernet(unix.ETH_P_IP, append([]byte{0x41}, ip4[1:]...)), false, false},
		{"IPv4 cut in the ports", ethernet(unix.ETH_P_IP, ip4[:23]), false, false},
		{"IPv4 without ports", ethernet(unix.ETH_P_IP, ip4[:20]), false, false},
		{"IPv4 that ends before what is behind it", ethernet(unix.ETH_P_IP, length(23, ip4)), false, false},
		{"IPv4 with a length less than its header", ethernet(unix.ETH_P_IP, length(19, ip4)), false, false},
		{"IPv4 of more than 64 KiB, of length 0", ethernet(unix.ETH_P_IP, length(0, ip4)), true, true},
		{"wrong version", ethernet(unix.ETH_P_IP, append([]byte{0x55}, ip4[1:]...)), false, false},
		{"IPv6 in the EtherType only", ethernet(unix.ETH_P_IPV6, append(ip4, make([]byte, 40)...)), false, false},
		{"IPv6 of more than 64 KiB, of length 0", ethernet(unix.ETH_P_IPV6, ipv6Length(0, ipv6(src6, dst6, unix.IPPROTO_UDP, udp(p)))), true, true},
		{"IPv6 that ends before what is behind it", ethernet(unix.ETH_P_IPV6, ipv6Length(3, ipv6(src6, dst6, unix.IPPROTO_UDP, udp(p)))), false, false},
		{"IPv6 extension cut", ip6(unix.IPPROTO_HOPOPTS, []byte{unix.IPPROTO_UDP, 0, 0}), false, false},
		{"IPv6 extension past the end", ip6(unix.IPPROTO_HOPOPTS, extension(unix.IPPROTO_UDP, 0, nil)), false, false},
		{"IPv6 hop by hop", ip6(unix.IPPROTO_HOPOPTS, extension(unix.IPPROTO_UDP, 0, udp(p))), true, true},
		{"IPv6 long routing header", ip6(unix.IPPROTO_ROUTING, extension(unix.IPPROTO_UDP, 100, udp(p))), true, true},
		{"IPv6 authentication", ip6(unix.IPPROTO_AH, authentication(unix.IPPROTO_UDP, udp(p))), true, true},
		{"IPv6 first fragment", ip6(unix.IPPROTO_FRAGMENT, fragmentHeader(unix.IPPROTO_UDP, 0, udp(p))), true, true},
		{"IPv6 later fragment", ip6(unix.IPPROTO_FRAGMENT, fragmentHeader(unix.IPPROTO_UDP, 1, udp(p))), false, false},
		{"IPv6 with all extensions", ip6(next, all), true, true},
		{"IPv6 with 16 extensions", extensions(16), true, true},
		{"IPv6 with 17 extensions", extensions(17), false, false},
		{"IPv6 encrypted", ip6(unix.IPPROTO_ESP, udp(p)), false, false},
	})
	checkDeny(t, []string{"@fd00::1", "udp@10.0.0.1"}, []denyCase{
		{"IPv6 later fragment", ip6(unix.IPPROTO_FRAGMENT, fragmentHeader(unix.IPPROTO_UDP, 1, udp(p))), true, false},
		{"IPv6 with 17 extensions", extensions(17), true, false},
		{"IPv4 later fragment", ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_UDP, 1, nil, udp(p))), true, false},
	})
	checkDeny(t, []string{"udp"}, []denyCase{
		{"IPv6 extension past the end", ip6(unix.IPPROTO_HOPOPTS, extension(unix.IPPROTO_UDP, 0, nil)[:7]), false, false},
		{"IPv4 without ports", ethernet(unix.ETH_P_IP, ip4[:20]), true, true},
	})
	checkDeny(t, []string{"any/9999"}, []denyCase{
		{"UDP-Lite", inIPv4(protoUDPLite, udp(p)), true, true},
		{"DCCP", ip6(protoDCCP, udp(p)), true, true},
		{"GRE", inIPv4(unix.IPPROTO_GRE, udp(p)), false, false},
	})
}

func TestDenyEvents(t *testing.T) {
	objects, rd := loadPrograms(t, "udp/9999", "@fd00::/16")

	t.Run("ingress IPv4", func(t *testing.T) {
		packet := udp4("10.0.0.1", "10.0.0.2", 9999)
		_, events := run(t, objects.FromNetwork, rd, packet)
		require.Len(t, events, 3)

		verdict := events[1]
		assert.Equal(t, eventPolicyVerdict, verdict.typ())
		assert.Equal(t, len(packet), verdict.lenOrig())
		assert.Equal(t, packet, verdict.packet())
		assert.Equal(t, -133, verdict.i32(20), "verdict")
		assert.Equal(t, 9999, verdict.u16(24), "destination port")
		assert.EqualValues(t, unix.IPPROTO_UDP, verdict.u8(26), "protocol")
		assert.EqualValues(t, 1|api.PolicyMatchL4Only<<3, verdict.u8(27), "flags: ingress, L4-Only")
		assert.Equal(t, 1, verdict.i32(32), "cookie: the number of the rule")

		drop := events[2]
		assert.Equal(t, eventDrop, drop.typ())
		assert.Equal(t, 133, drop.subtype())
		assert.Equal(t, 2, drop.version())
		assert.Equal(t, verdict.hash(), drop.hash())
		assert.Equal(t, packet, drop.packet())
		assert.NotZero(t, drop.u16(28), "line")
		assert.EqualValues(t, 1, drop.u8(30), "file: bpf_host.c")
		assert.Equal(t, 1, drop.i32(32), "ifindex")
		assert.Zero(t, drop.u8(36), "flags")
	})
	t.Run("egress IPv6", func(t *testing.T) {
		_, events := run(t, objects.ToNetwork, rd, udp6("fe80::1", "fd00::2", 53))
		require.Len(t, events, 2)
		assert.EqualValues(t, 2|4|api.PolicyMatchL3Only<<3, events[0].u8(27), "flags: egress, IPv6, L3-Only")
		assert.Equal(t, 53, events[0].u16(24), "destination port")
		assert.Equal(t, 2, events[0].i32(32), "cookie: the number of the rule")
		assert.EqualValues(t, 1, events[1].u8(36), "flags: IPv6")
	})
}

func TestTooManyRules(t *testing.T) {
	var deny []Rule
	for _, text := range manyRules(MaxRules + 1) {
		rule, err := ParseRule(text)
		require.NoError(t, err)
		deny = append(deny, rule)
	}
	spec, err := loadHost()
	require.NoError(t, err)
	require.ErrorContains(t, setRules(spec, deny), "65 deny rules, at most 64 are possible")
}
