// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFragmentsOfHeaders has TCP headers of which the fragment has only the beginning: what is missing is in the next one,
// if there is one.
func TestFragmentsOfHeaders(t *testing.T) {
	header := tcp(5, 6, synFlag, nil, nil)[:8]
	for _, c := range []struct {
		name   string
		packet []byte
		want   string
	}{
		{"first of IPv6", ethernet(etherIPv6, ipv6(44, "fd00::1", "fd00::2", fragment(ipTCP, 0, true, header))), "[fd00::1]:5 -> [fd00::2]:6 tcp [cut]"},
		{"only one of IPv6", ethernet(etherIPv6, ipv6(44, "fd00::1", "fd00::2", fragment(ipTCP, 0, false, header))), "[fd00::1]:5 -> [fd00::2]:6 tcp [malformed]"},
		{"later of IPv6", ethernet(etherIPv6, ipv6(44, "fd00::1", "fd00::2", fragment(ipTCP, 8, true, header))), "fd00::1 -> fd00::2 tcp [fragment at 8]"},
		{"first of IPv4", ethernet(etherIPv4, fragmentOf(ipv4(ipTCP, "10.0.0.1", "10.0.0.2", header), 0, true)), "10.0.0.1:5 -> 10.0.0.2:6 tcp [cut]"},
		{"only one of IPv4", ethernet(etherIPv4, fragmentOf(ipv4(ipTCP, "10.0.0.1", "10.0.0.2", header), 0, false)), "10.0.0.1:5 -> 10.0.0.2:6 tcp [malformed]"},
		{"later of IPv4", ethernet(etherIPv4, fragmentOf(ipv4(ipTCP, "10.0.0.1", "10.0.0.2", header), 8, true)), "10.0.0.1 -> 10.0.0.2 tcp [fragment at 8]"},
	} {
		require.Equal(t, c.want, connectionOf(kind{"", c.packet, 0}), c.name)
	}
}

// TestTunnelsBehindExtensions has IPv6 in IPv6 behind extension headers, of which only those with segments make it a tunnel
// of segment routing.
func TestTunnelsBehindExtensions(t *testing.T) {
	options := extension(41, 0)
	options[2] = 4 // an option of this type
	routing := segmentRouting(41, nil, "fd01::2")
	routing[2] = 0
	for _, c := range []struct {
		name   string
		next   byte
		header []byte
		want   string
	}{
		{"nothing", 41, nil, "6in6"},
		{"segments", 43, segmentRouting(41, nil, "fd01::2"), "srv6"},
		{"another routing header", 43, routing, "6in6"},
		{"options", 60, options, "6in6"},
		{"segments behind options", 60, append(extension(43, 0), segmentRouting(41, nil, "fd01::2")...), "srv6"},
	} {
		packet := ethernet(etherIPv6, ipv6(c.next, "fd01::1", "fd01::2", c.header, ping6))
		require.Equal(t, "fd00::1 -> fd00::2 icmp EchoRequest [tunnel fd01::1 -> fd01::2 "+c.want+"]", connectionOf(kind{"", packet, 0}), c.name)
	}
}
