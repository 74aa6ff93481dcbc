// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestSizesOfCutHeaders cuts headers that say how long they are before and behind the byte that says it: before, the
// size is the smallest that there is.
func TestSizesOfCutHeaders(t *testing.T) {
	over4 := func(protocol byte, payload []byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", payload))
	}
	over6 := func(next byte, payload []byte) []byte {
		return ethernet(etherIPv6, ipv6(next, "fd00::1", "fd00::2", payload))
	}
	const in4, in6 = 14 + 20, 14 + 40 // where what IP carries begins
	for _, c := range []struct {
		layer    string
		packet   []byte
		start    int // of the header
		says     int // after so many bytes it is known how long it is
		smallest int
	}{
		{"Ethernet", ethernet(0x88b5), 0, 0, 14},
		{"LLC", ethernet(8, []byte{0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xb5}), 14, 3, 3},
		{"LLC", ethernet(4, []byte{0xf0, 0xf0, 2, 4}), 14, 3, 3},
		{"ARP", arpPacket, 14, 6, 8},
		{"IPv4", ethernet(etherIPv4, ipv4Options(200, "10.0.0.1", "10.0.0.2", make([]byte, 40), nil)), 14, 1, 20},
		{"IPv6", over6(200, nil), 14, 0, 40},
		{"IPv6Destination", over6(60, extension(200, 2)), in6, 2, 8},
		{"IPv6Fragment", over6(44, fragment(200, 0, false)), in6, 0, 8},
		{"IPSecAH", over4(ipAH, ah(200)), in4, 2, 12},
		{"TCP", synPacket, in4, 13, 20},
		{"DCCP", over4(33, []byte{0, 5, 0, 6, 4, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2}), in4, 5, 12},
		{"VRRP", vrrpPacket, in4, 4, 8},
		{"IGMP", over4(ipIGMP, []byte{0x11, 1, 0, 0, 232, 1, 1, 1, 0, 0, 0, 0}), in4, 1, 8},
		{"IGMP", igmp2Packet, in4, 0, 8},
		{"IGMP", igmp3Packet, in4, 8, 8},
		{"GRE", over4(ipGRE, gre(0x20, 0x880b)), in4, 2, 4},
		{"GRE", over4(ipGRE, gre(0xb0, 0x880b)), in4, 2, 4},
	} {
		whole := len(c.packet) - c.start
		for n := range whole {
			want := c.smallest
			if n >= c.says {
				want = whole
			}
			text := strings.TrimSuffix(print(format.Options{Level: format.LevelVerbose}, bareTrace(kind{"", c.packet[:c.start+n], 0})), "\n")
			last := text[strings.LastIndex(text, "\n")+1:]
			if n == 0 && c.start == 0 || n >= want && n < c.says { // all that is known to be there is
				require.NotContains(t, last, " cut: ", "%s, %d bytes", c.layer, n)
				continue
			}
			require.Contains(t, last, c.layer+"\t", "%s, %d bytes", c.layer, n)
			require.True(t, strings.HasSuffix(last, fmt.Sprintf("} cut: %d of %d bytes captured", n, want)), "%s, %d bytes: %s", c.layer, n, last)
		}
	}
}

// TestSizesOfSourceRoutes cuts a GRE header that has source routes, each of which says how long it is.
func TestSizesOfSourceRoutes(t *testing.T) {
	packet := ethernet(etherIPv4, ipv4(ipGRE, "10.0.0.1", "10.0.0.2", gre(0x40, 0x880b)))
	const start, whole = 14 + 20, 20
	require.Len(t, packet, start+whole)
	for n := 1; n < whole; n++ {
		want := 4 // without fields
		switch {
		case n >= 12:
			want = whole // with the route and the end of routes
		case n >= 2:
			want = 12 // with the beginning of a route
		}
		text := print(format.Options{Level: format.LevelVerbose}, bareTrace(kind{"", packet[:start+n], 0}))
		require.True(t, strings.HasSuffix(text, fmt.Sprintf("} cut: %d of %d bytes captured\n", n, want)), "%d bytes: %s", n, text)
	}
}

// TestSourceRoutes has routes without addresses, and of no family, in front of the end of routes.
func TestSourceRoutes(t *testing.T) {
	for _, routes := range [][]byte{
		{0, 0, 0, 0},
		{0, 1, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0},
		{0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4, 1, 0, 0, 1, 9, 0, 0, 0, 0},
	} {
		header := append([]byte{0x40, 0, 8, 0, 0, 0, 0, 0}, routes...)
		packet := ethernet(etherIPv4, ipv4(ipGRE, "192.168.0.1", "192.168.0.2", header, syn4))
		require.Equal(t, "10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN [tunnel 192.168.0.1 -> 192.168.0.2 gre]", connectionOf(kind{"", packet, 0}))
	}
}

// TestSizeOfCutQuery cuts a query of IGMP that has sources, which is of version 3 if there is room for that.
func TestSizeOfCutQuery(t *testing.T) {
	message := []byte{0x11, 1, 0, 0, 232, 1, 1, 1, 0, 0, 0, 2, 10, 0, 0, 1, 10, 0, 0, 2}
	packet := ethernet(etherIPv4, ipv4(ipIGMP, "10.0.0.1", "10.0.0.2", message))
	for n := range message {
		want := len(message)
		switch {
		case n == 0:
			want = 8
		case n < 12:
			want = 12
		}
		text := print(format.Options{Level: format.LevelVerbose}, bareTrace(kind{"", packet[:14+20+n], 0}))
		require.True(t, strings.HasSuffix(text, fmt.Sprintf("} cut: %d of %d bytes captured\n", n, want)), "%d bytes: %s", n, text)
	}
}
