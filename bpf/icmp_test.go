// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// Types of ICMPv6 that RFC 4890 lists in sections 4.3.1 and 4.4.1, without echo.
var (
	errorsV6 = []int{1, 2, 3, 4}
	linkV6   = []int{
		130, 131, 132, // multicast listeners
		133, 134, 135, 136, 137, // routers, neighbours, and the redirect of section 4.4.4
		141, 142, // inverse neighbour discovery
		143,      // multicast listeners, version 2
		148, 149, // certification path
		151, 152, 153, // multicast routers
	}
)

// errorsV4 are the types of ICMP that tell of a packet that did not arrive.
var errorsV4 = []int{3, 11, 12}

// TestDenyICMP has rules meet each type of ICMP.
func TestDenyICMP(t *testing.T) {
	for _, tc := range []struct {
		rule    string
		denied4 func(typ int) bool
		denied6 func(typ int) bool
	}{
		{"icmp", func(typ int) bool { return !slices.Contains(errorsV4, typ) },
			func(typ int) bool { return !slices.Contains(errorsV6, typ) && !slices.Contains(linkV6, typ) }},
		{"icmp@::/0", func(int) bool { return false },
			func(typ int) bool { return !slices.Contains(errorsV6, typ) && !slices.Contains(linkV6, typ) }},
		{"any@0.0.0.0/0", func(int) bool { return true }, func(int) bool { return false }},
		{"any@::/0", func(int) bool { return false }, func(typ int) bool { return !slices.Contains(linkV6, typ) }},
	} {
		var cases []denyCase
		add := func(name string, denied bool, packet []byte) {
			cases = append(cases, denyCase{name, packet, denied, denied})
		}
		for typ := range 256 {
			message := icmp(uint8(typ), nil)
			hopByHop := extension(unix.IPPROTO_ICMPV6, 0, message) // as listener reports have it
			add(fmt.Sprint("ICMP ", typ), tc.denied4(typ), ethernet(unix.ETH_P_IP, ipv4("10.0.0.1", "10.0.0.2", unix.IPPROTO_ICMP, 0, nil, message)))
			add(fmt.Sprint("ICMPv6 ", typ), tc.denied6(typ), ethernet(unix.ETH_P_IPV6, ipv6("fe80::1", "ff02::16", unix.IPPROTO_ICMPV6, message)))
			add(fmt.Sprint("ICMPv6 with options ", typ), tc.denied6(typ), ethernet(unix.ETH_P_IPV6, ipv6("fe80::1", "ff02::16", unix.IPPROTO_HOPOPTS, hopByHop)))
		}
		checkDeny(t, []string{tc.rule}, cases)
	}

	const src, dst, src6, dst6 = "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"
	checkDeny(t, []string{"icmp"}, []denyCase{
		{"udp", udp4(src, dst, 1), false, false},
		{"later fragment, of which nobody knows the type", ethernet(unix.ETH_P_IPV6, ipv6(src6, dst6, unix.IPPROTO_FRAGMENT, fragmentHeader(unix.IPPROTO_ICMPV6, 9, icmp(135, nil)))), true, true},
		{"cut before the type", ethernet(unix.ETH_P_IPV6, ipv6(src6, dst6, unix.IPPROTO_ICMPV6, nil)), true, true},
		{"ICMPv6 in IPv4", ethernet(unix.ETH_P_IP, ipv4(src, dst, unix.IPPROTO_ICMPV6, 0, nil, icmp(135, nil))), true, true},
		{"ICMP in IPv6", ethernet(unix.ETH_P_IPV6, ipv6(src6, dst6, unix.IPPROTO_ICMP, icmp(3, nil))), true, true},
		{"IGMP", ethernet(unix.ETH_P_IP, ipv4(src, "224.0.0.22", unix.IPPROTO_IGMP, 0, nil, icmp(0x22, nil))), false, false},
	})
}
