// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestLayerTextIsGopackets checks that -vv prints a layer as gopacket.LayerString does,
// with all kinds of packets, many of them damaged.
func TestLayerTextIsGopackets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	templates := [][]byte{
		synPacket, tcpPacket, udpPacket, tcp6Packet, icmpPacket, icmp6Packet, sctpPacket, vrrpPacket, arpPacket,
		ethernet(etherIPv4, ipv4Options(ipUDP, "10.0.0.1", "10.0.0.2", []byte{0x94, 4, 0, 0, 1, 1, 1, 0}, udp(1, 2, []byte{1}))),
		ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0, []byte{2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 0, 0}, nil))),
		ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0, []byte{30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8}, nil))),
		ethernet(etherIPv6, ipv6(0, "fe80::1", "ff02::16", []byte{ipICMPv6, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0})),
		ethernet(etherIPv6, ipv6(ipUDP, "::ffff:10.0.0.1", "::1", udp(53, 65535, nil))),
	}
	ours := []gopacket.LayerType{
		layers.LayerTypeEthernet, layers.LayerTypeARP, layers.LayerTypeIPv4, layers.LayerTypeIPv6, layers.LayerTypeTCP, layers.LayerTypeUDP,
		layers.LayerTypeSCTP, layers.LayerTypeICMPv4, layers.LayerTypeICMPv6, layers.LayerTypeVRRP,
	}
	compared := 0
	for i := range 20_000 {
		packet := slices.Clone(templates[i%len(templates)])
		if i >= len(templates) {
			for range random.IntN(4) {
				packet[random.IntN(len(packet))] = byte(random.Uint32())
			}
			packet = packet[:len(packet)-random.IntN(4)*random.IntN(8)]
		}

		decoded := gopacket.NewPacket(packet, layers.LayerTypeEthernet, gopacket.NoCopy)
		var want []string
		seen := make(map[gopacket.LayerType]bool)
		for _, l := range decoded.Layers() {
			if seen[l.LayerType()] {
				seen = nil // a tunnel inside; ours has one layer of each type
				break
			}
			seen[l.LayerType()] = true
			if slices.Contains(ours, l.LayerType()) {
				want = append(want, gopacket.LayerString(l))
			}
		}
		if seen == nil {
			continue
		}

		lines := strings.Split(strings.TrimSuffix(print(format.Options{Level: format.LevelVerbose}, trace(packet)), "\n"), "\n")[2:]
		// For IGMP, it is the golden files that tell: its text has a version number that only
		// gopacket's eager decoder sets.
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "IGMP\t") })
		if decoded.ErrorLayer() != nil {
			// gopacket also has the layer that failed to decode.
			want = want[:min(len(lines), len(want))]
		}
		if len(want) == 0 {
			continue // a hex dump
		}
		require.Equal(t, want, lines, "%x", packet)
		compared += len(lines)
	}
	require.Greater(t, compared, 20_000)
}
