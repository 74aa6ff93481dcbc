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

// gopacketLayers are those whose text is that of gopacket. (IGMP's is, too, but for a version number that
// gopacket knows only if it decodes the whole packet.)
var gopacketLayers = []gopacket.LayerType{
	layers.LayerTypeEthernet, layers.LayerTypeDot1Q, layers.LayerTypeARP, layers.LayerTypeIPv4, layers.LayerTypeIPv6, layers.LayerTypeIPv6Fragment,
	layers.LayerTypeTCP, layers.LayerTypeUDP, layers.LayerTypeUDPLite, layers.LayerTypeSCTP, layers.LayerTypeICMPv4, layers.LayerTypeICMPv6,
	layers.LayerTypeVRRP, layers.LayerTypeMPLS, layers.LayerTypeIPSecAH, layers.LayerTypeIPSecESP,
}

// TestLayerTextIsGopackets checks that -vv prints a layer as gopacket.LayerString does,
// with all kinds of packets, many of them damaged.
func TestLayerTextIsGopackets(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	templates := [][]byte{
		synPacket, tcpPacket, udpPacket, tcp6Packet, icmpPacket, icmp6Packet, sctpPacket, vrrpPacket, arpPacket,
		ethernet(etherIPv4, ipv4Options(ipUDP, "10.0.0.1", "10.0.0.2", []byte{0x94, 4, 0, 0, 1, 1, 1, 0}, udp(1, 2, []byte{1}))),
		ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0, []byte{2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 0, 0}, nil))),
		ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0, []byte{30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8}, nil))),
		ethernet(etherIPv6, ipv6(ipUDP, "::ffff:10.0.0.1", "::1", udp(53, 65535, nil))),
		ethernet(0x88a8, []byte{0x60, 7, 0x81, 0, 0x10, 9, 8, 0}, udpPacket[14:]),
		ethernet(0x8847, []byte{0, 0x10, 0x04, 64, 0xff, 0xff, 0xff, 1}, tcp6Packet[14:]),
		ethernet(etherIPv6, ipv6(ipFragment, "fd00::1", "fd00::2", []byte{ipUDP, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8})),
		ethernet(etherIPv4, ipv4(ipAH, "10.0.0.1", "10.0.0.2", []byte{ipESP, 4, 0, 0}, make([]byte, 20), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})),
		ethernet(etherIPv4, ipv4(ipUDPLite, "10.0.0.1", "10.0.0.2", udp(7, 9, []byte{1, 2, 3}))),
	}
	compared := make(map[string]int)
	for i := range 10_000 {
		packet := slices.Clone(templates[i%len(templates)])
		if i >= len(templates) {
			for range random.IntN(4) {
				packet[random.IntN(len(packet))] = byte(random.Uint32())
			}
			packet = packet[:len(packet)-random.IntN(4)*random.IntN(8)]
		}

		decoded := gopacket.NewPacket(packet, layers.LayerTypeEthernet, gopacket.NoCopy)
		var want []string
		for _, l := range decoded.Layers() {
			if slices.Contains(gopacketLayers, l.LayerType()) {
				want = append(want, gopacket.LayerString(l))
			}
		}
		if decoded.ErrorLayer() != nil {
			want = want[:max(0, len(want)-1)] // gopacket also has the layer that failed to decode
		}
		if l, ok := decoded.Layer(layers.LayerTypeIPv6).(*layers.IPv6); ok && l.HopByHop != nil {
			continue // ours is a layer of its own
		}
		var lines []string
		for line := range strings.Lines(print(format.Options{Level: format.LevelVerbose}, trace(packet))) {
			name, _, ok := strings.Cut(line, "\t")
			if ok && slices.ContainsFunc(gopacketLayers, func(l gopacket.LayerType) bool { return l.String() == name }) {
				lines = append(lines, strings.TrimSuffix(line, "\n"))
			}
		}
		for i, line := range lines[:min(len(lines), len(want))] {
			if !strings.HasSuffix(line, "}") {
				break // cut or malformed, which gopacket's layer does not show
			}
			switch {
			case strings.HasPrefix(line, "ICMPv6"): // ours has more names
				line, want[i] = line[:20], want[i][:20]
			case strings.Contains(line, " Length=0 Id="), strings.Contains(want[i], "=Unknown"): // gopacket has another, or no name
				continue
			}
			require.Equal(t, want[i], line, "%x", packet)
			name, _, _ := strings.Cut(line, "\t")
			compared[name]++
		}
		if decoded.ErrorLayer() == nil && (len(lines) == 0 || strings.HasSuffix(lines[len(lines)-1], "}")) {
			require.GreaterOrEqual(t, len(lines), len(want), "%x", packet)
		}
	}
	for _, l := range gopacketLayers {
		require.Greater(t, compared[l.String()], 100, "%s", l)
	}
}
