// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
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
		rule             string
		passed4, passed6 []int // nil: all
	}{
		{"icmp", errorsV4, slices.Concat(errorsV6, linkV6)},
		{"icmp@::/0", nil, slices.Concat(errorsV6, linkV6)},
		{"any@0.0.0.0/0", []int{}, nil},
		{"any@::/0", nil, linkV6},
	} {
		t.Run(tc.rule, func(t *testing.T) {
			objects, _ := loadPrograms(t, tc.rule)
			check := func(want []int, packet func(message []byte) []byte) {
				t.Helper()
				var passed []int
				for typ := range 256 {
					verdict, _, err := objects.ToNetwork.Test(packet(icmp(uint8(typ), nil)))
					require.NoError(t, err)
					if verdict == verdictNext {
						passed = append(passed, typ)
					}
				}
				if want == nil {
					require.Len(t, passed, 256)
				} else {
					require.ElementsMatch(t, want, passed)
				}
			}
			check(tc.passed4, func(message []byte) []byte {
				return ethernet(unix.ETH_P_IP, ipv4("10.0.0.1", "10.0.0.2", unix.IPPROTO_ICMP, 0, nil, message))
			})
			check(tc.passed6, func(message []byte) []byte {
				return ethernet(unix.ETH_P_IPV6, ipv6("fe80::1", "ff02::16", unix.IPPROTO_ICMPV6, message))
			})
			check(tc.passed6, func(message []byte) []byte { // as listener reports are sent
				return ethernet(unix.ETH_P_IPV6, ipv6("fe80::1", "ff02::16", unix.IPPROTO_HOPOPTS, extension(unix.IPPROTO_ICMPV6, 0, message)))
			})
		})
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
