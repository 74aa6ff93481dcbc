// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// TestNoTunnel asks what is around a tunnel, and what is not, of packets that carry another, or only something that
// should have been one.
func TestNoTunnel(t *testing.T) {
	over4 := func(protocol byte, payload ...byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "192.168.0.1", "192.168.0.2", payload))
	}
	for name, c := range map[string]struct {
		packet []byte
		tunnel bool
	}{
		"IPv4":                     {over4(4, ping4...), true},
		"IPv4 without a header":    {over4(4), false},
		"IPv4 of another version":  {over4(4, append([]byte{0x65}, ping4[1:]...)...), false},
		"IPv6 that is cut":         {over4(41, ping6[:39]...), false},
		"GRE with half an address": {over4(ipGRE, gre(0, etherIPv4, ping4[:18])...), false},
		"Ethernet":                 {over4(97, append([]byte{0x30, 0}, arpPacket...)...), true},
		"Ethernet that is cut":     {over4(97, append([]byte{0x30, 0}, arpPacket[:13]...)...), false},
	} {
		events := []named{{name, bareTrace(kind{name, c.packet, 0})}}
		around, other := "", name
		if c.tunnel {
			around, other = name, ""
		}
		require.Equal(t, around, matching(t, "--outer --ip 192.168.0.1", events), name)
		require.Equal(t, other, matching(t, "--inner --ip 192.168.0.1", events), name)
	}
}

// TestOnlyTheOuterDatagramIsATunnel has datagrams in the overlay that look like a tunnel, on a port of none. What the
// datapath says is of the one around it.
func TestOnlyTheOuterDatagramIsATunnel(t *testing.T) {
	frame := func(src, dst string, datagram []byte) []byte {
		return ethernet(etherIPv4, ipv4(ipUDP, src, dst, datagram))
	}
	for flag, wrap := range map[uint8]func(frame []byte) []byte{
		api.FlagVXLAN:  vxlan,
		api.FlagGeneve: func(frame []byte) []byte { return geneve(0x6558, nil, frame) },
	} {
		inside := frame("10.0.0.1", "10.0.0.2", udp(40000, 9, wrap(synPacket)[8:]))
		line := connectionOf(kind{"", frame("192.168.0.1", "192.168.0.2", wrap(inside)), flag})
		require.Regexp(t, `^10\.0\.0\.1:40000 -> 10\.0\.0\.2:\d+ udp \[tunnel 192\.168\.0\.1:40000 -> 192\.168\.0\.2:\d+ \w+\]$`, line)
	}
}

// TestEmptyTunnels has tunnels that carry nothing: a header that fills the datagram is one, with a byte less there is none.
func TestEmptyTunnels(t *testing.T) {
	line := func(flag uint8, size int, header ...byte) string {
		return connectionOf(kind{"", ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 9, header[:size]))), flag})
	}
	const outer = "192.168.0.1:40000 -> 192.168.0.2:9"
	for _, c := range []struct {
		name   string
		flag   uint8
		header []byte
		tunnel string
	}{
		{"VXLAN", api.FlagVXLAN, []byte{8, 0, 0, 0, 0, 0, 42, 0}, "vxlan"},
		{"VXLAN with a group policy", api.FlagVXLAN, []byte{0x88, 0x48, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, "vxlan"},
		{"Geneve", api.FlagGeneve, []byte{0, 0, 0x65, 0x58, 0, 0, 42, 0}, "geneve"},
		{"Geneve with an option", api.FlagGeneve, []byte{2, 0, 8, 0, 0, 0, 42, 0, 1, 2, 0x80, 1, 0, 0, 0, 1}, "geneve"},
	} {
		whole := line(c.flag, len(c.header), c.header...)
		require.Equal(t, "[unknown] [malformed] [tunnel "+outer+" "+c.tunnel+"]", whole, c.name)
		require.Equal(t, outer+" udp", line(c.flag, len(c.header)-1, c.header...), c.name)
	}
}

// TestCutTunnels has headers of tunnels that are cut: as long as nothing speaks against it, they are one.
func TestCutTunnels(t *testing.T) {
	const connection = "192.168.0.1:40000 -> 192.168.0.2:9 udp"
	for _, c := range []struct {
		name   string
		flag   uint8
		header []byte
		none   int // after how many bytes it is clear that there is no tunnel, 0 if there is one
	}{
		{"Geneve", api.FlagGeneve, []byte{0, 0, 0x65, 0x58, 0, 0, 42, 0}, 0},
		{"Geneve with something else", api.FlagGeneve, []byte{0, 0, 0x88, 0xb5, 0, 0, 42, 0}, 4},
		{"Geneve of another version", api.FlagGeneve, []byte{0x40, 0, 0x65, 0x58, 0, 0, 42, 0}, 1},
		{"VXLAN", api.FlagVXLAN, []byte{8, 0, 0, 0, 0, 0, 42, 0}, 0},
		{"VXLAN with a reserved flag", api.FlagVXLAN, []byte{9, 0, 0, 0, 0, 0, 42, 0}, 1},
		{"VXLAN with a reserved byte", api.FlagVXLAN, []byte{8, 0, 0, 1, 0, 0, 42, 0}, 4},
		{"VXLAN without an identifier", api.FlagVXLAN, []byte{0, 0, 0, 0, 0, 0, 0, 0}, 1},
		{"VXLAN with something in the last byte", api.FlagVXLAN, []byte{8, 0, 0, 0, 0, 0, 42, 1}, 8},
	} {
		packet := ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", udp(40000, 9, append(c.header, synPacket...))))
		start := len(packet) - len(synPacket) - len(c.header)
		for n := range len(c.header) {
			want := connection + " [cut]"
			if c.none > 0 && n >= c.none {
				want = connection
			}
			require.Equal(t, want, connectionOf(kind{"", packet[:start+n], c.flag}), "%s, %d bytes", c.name, n)
		}
		if c.none > 0 {
			require.Equal(t, connection, connectionOf(kind{"", packet, c.flag}), c.name)
		} else {
			require.Contains(t, connectionOf(kind{"", packet, c.flag}), " [tunnel ", c.name)
		}
	}
}

// TestGREVersions has versions of GRE that there are, and one that there is not, as soon as that is clear.
func TestGREVersions(t *testing.T) {
	for version, want := range []string{" gre PPP", " gre PPP", " gre PPP [malformed]", " gre PPP [malformed]"} {
		packet := ethernet(etherIPv4, ipv4(ipGRE, "10.0.0.1", "10.0.0.2", []byte{0, byte(version), 0x88, 0x0b}))
		require.Equal(t, "10.0.0.1 -> 10.0.0.2"+want, connectionOf(kind{"", packet, 0}), version)
		cut := " gre [cut]"
		require.Equal(t, "10.0.0.1 -> 10.0.0.2"+cut, connectionOf(kind{"", packet[:len(packet)-3], 0}), version)
		if version > 1 {
			cut = " gre [malformed]"
		}
		require.Equal(t, "10.0.0.1 -> 10.0.0.2"+cut, connectionOf(kind{"", packet[:len(packet)-2], 0}), version)
	}
}
