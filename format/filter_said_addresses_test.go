// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAddressesThatARPSays asks for both addresses of ARP, the last bytes of which are cut off, and of what is not for
// IPv4.
func TestAddressesThatARPSays(t *testing.T) {
	arp := func(hardware, protocol byte, etherType byte) []byte {
		b := []byte{0, 1, etherType, 0, hardware, protocol, 0, 1}
		b = append(append(b, make([]byte, hardware)...), 10, 0, 0, 1)
		return append(append(b, make([]byte, hardware)...), 10, 0, 0, 2)
	}
	for _, c := range []struct {
		name     string
		message  []byte
		src, dst bool
	}{
		{"whole", arp(6, 4, 8), true, true},
		{"hardware addresses of 8 bytes", arp(8, 4, 8), true, true},
		{"no hardware addresses", arp(0, 4, 8), true, true},
		{"without a byte of the destination", arp(6, 4, 8)[:27], true, false},
		{"without the destination", arp(6, 4, 8)[:18], true, false},
		{"without a byte of the source", arp(6, 4, 8)[:17], false, false},
		{"without addresses", arp(6, 4, 8)[:8], false, false},
		{"without a byte of what all have", arp(6, 4, 8)[:7], false, false},
		{"another protocol", arp(6, 4, 9), false, false},
		{"addresses of another size", arp(6, 5, 8), false, false},
	} {
		events := []named{{"arp", drop(ethernet(etherARP, c.message))}}
		is := func(filter string) bool { return matching(t, filter, events) == "arp" }
		require.Equal(t, c.src, is("--src-ip 10.0.0.1"), c.name)
		require.Equal(t, c.dst, is("--dst-ip 10.0.0.2"), c.name)
		require.Equal(t, c.src, is("--ip 10.0.0.1"), c.name)
		require.Equal(t, c.dst, is("--ip 10.0.0.2"), c.name)
		require.False(t, is("--src-ip 10.0.0.2"), c.name)
		require.False(t, is("--dst-ip 10.0.0.1"), c.name)
	}
}

// TestAddressesThatNeighboursSay asks for the address that neighbour discovery and listener messages are about, of types that have one and of
// those around them.
func TestAddressesThatNeighboursSay(t *testing.T) {
	target := netip.MustParseAddr("fd00::77").AsSlice()
	for typ, want := range map[byte][2]bool{
		129: {}, 130: {false, true}, 131: {false, true}, 132: {false, true}, 133: {}, 134: {},
		135: {false, true}, 136: {true, false}, 137: {false, true}, 138: {},
	} {
		message := slices.Concat([]byte{typ, 0, 0, 0, 0, 0, 0, 0}, target)
		for cut := range 2 {
			packet := ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::1", "fd00::2", message))
			events := []named{{"nd", drop(packet[:len(packet)-cut])}}
			is := func(filter string) bool { return matching(t, filter, events) == "nd" }
			require.Equal(t, want[0] && cut == 0, is("--src-ip fd00::77"), typ)
			require.Equal(t, want[1] && cut == 0, is("--dst-ip fd00::77"), typ)
			require.Equal(t, (want[0] || want[1]) && cut == 0, is("--ip fd00::77"), typ)
		}
	}
}

// TestMappedAddressesThatNeighboursSay asks for an IPv4-mapped address in networks of both families.
func TestMappedAddressesThatNeighboursSay(t *testing.T) {
	message := slices.Concat([]byte{135, 0, 0, 0, 0, 0, 0, 0}, netip.MustParseAddr("::ffff:10.0.0.7").AsSlice())
	events := []named{{"nd", drop(ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::1", "fd00::2", message)))}}
	for network, want := range map[string]string{
		"10.0.0.0/8": "nd", "10.0.0.7": "nd", "::ffff:10.0.0.7": "nd", "::/64": "nd", "11.0.0.0/8": "", "::ffff:11.0.0.0/104": "", "fd01::/32": "",
	} {
		require.Equal(t, want, matching(t, "--dst-ip "+network, events), network)
	}
}

// TestAddressesThatRoutesSay asks for addresses on the way of a packet, of types of routing headers that have them.
func TestAddressesThatRoutesSay(t *testing.T) {
	for typ := range byte(7) {
		header := segmentRouting(200, nil, "fd00::8", "fd00::9")
		header[2] = typ
		packet := ethernet(etherIPv6, ipv6(43, "fd00::1", "fd00::2", header))
		for cut := range 2 {
			events := []named{{"routed", drop(packet[:len(packet)-cut])}}
			is := func(filter string) bool { return matching(t, filter, events) == "routed" }
			has := typ <= 2 || typ == 4
			require.Equal(t, has, is("--dst-ip fd00::8"), typ)
			require.Equal(t, has && cut == 0, is("--dst-ip fd00::9"), typ)
			require.False(t, is("--src-ip fd00::8"), typ)
			require.False(t, is("--dst-ip fd00::7"), typ)
		}
	}
}

// TestAddressesOfCutHeaders asks headers of which nothing was captured, or not enough to know their type.
func TestAddressesOfCutHeaders(t *testing.T) {
	neighbour := ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::1", "fd00::2", ns))
	routed := ethernet(etherIPv6, ipv6(43, "fd00::1", "fd00::2", segmentRouting(200, nil, "fd00::8")))
	for n := range 16 {
		events := []named{{"neighbour", drop(neighbour[:14+40+n])}, {"group", drop(igmp3Packet[:14+20+n])}, {"routed", drop(routed[:14+40+n])}, {"arp", drop(arpPacket[:14+n])}}
		for _, filter := range []string{"--ip fd00::8", "--dst-ip fd00::8", "--src-ip fd00::8", "--ip 10.9.9.9"} {
			require.Empty(t, matching(t, filter, events))
		}
	}
}
