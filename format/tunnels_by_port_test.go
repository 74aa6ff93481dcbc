// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestTunnelsByPort has datagrams in a tunnel on the ports of others, of which the header was captured or not all of it.
func TestTunnelsByPort(t *testing.T) {
	for _, c := range []struct {
		port   uint16
		header []byte
		tunnel string
	}{
		{4789, []byte{8, 0, 0, 0, 0, 0, 42, 0}, "vxlan"},
		{8472, []byte{8, 0, 0, 0, 0, 0, 42, 0}, "vxlan"},
		{6081, []byte{0, 0, 0x65, 0x58, 0, 0, 42, 0}, "geneve"},
		{9, []byte{8, 0, 0, 0, 0, 0, 42, 0}, ""},
	} {
		datagram := udp(40000, c.port, append(c.header, synPacket...))
		packet := ethernet(etherIPv4, ipv4(4, "192.168.0.1", "192.168.0.2", ipv4(ipUDP, "172.16.0.1", "172.16.0.2", datagram)))
		const ipip = " [tunnel 192.168.0.1 -> 192.168.0.2 ipip]"
		datagramOnly := fmt.Sprintf("172.16.0.1:40000 -> 172.16.0.2:%d udp%s", c.port, ipip)
		carried := fmt.Sprintf(" [tunnel 172.16.0.1:40000 -> 172.16.0.2:%d %s]%s", c.port, c.tunnel, ipip)
		at := len(packet) - len(synPacket)
		if c.tunnel == "" {
			require.Equal(t, datagramOnly, connectionOf(kind{"", packet, 0}))
			continue
		}
		require.Equal(t, "10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN"+carried, connectionOf(kind{"", packet, 0}))
		require.Equal(t, "[unknown] [cut]"+carried, connectionOf(kind{"", packet[:at], 0}))
		require.Equal(t, datagramOnly, connectionOf(kind{"", packet[:at-1], 0}))
	}
}

// TestLengthOfPPP has a length in front of PPP that is that of what follows, or less.
func TestLengthOfPPP(t *testing.T) {
	for less, want := range map[int]string{0: "10.0.0.1:34567 -> 10.0.0.2:53 udp", 1: "10.0.0.1:34567 -> 10.0.0.2:53 udp", 3: "10.0.0.1:34567 -> 10.0.0.2:53 udp [malformed]"} {
		message := pptp([]byte{0, 0x21}, query4)
		message[5] -= byte(less)
		packet := ethernet(etherIPv4, ipv4(ipGRE, "192.168.0.1", "192.168.0.2", message))
		require.Equal(t, want+" [tunnel 192.168.0.1 -> 192.168.0.2 gre]", connectionOf(kind{"", packet, 0}), less)
	}
}

// TestSizeOfCutERSPAN cuts a header of type III, the last byte of which says that there is more of it.
func TestSizeOfCutERSPAN(t *testing.T) {
	packet := ethernet(etherIPv4, ipv4(ipGRE, "192.168.0.1", "192.168.0.2", gre(0x10, 0x22eb, erspan3(2), make([]byte, 8), syn4)))
	start := len(packet) - len(syn4) - 20
	for n := range 20 {
		want := 20
		switch {
		case n == 0:
			want = 8
		case n < 12:
			want = 12
		}
		text := print(format.Options{Level: format.LevelVerbose}, bareTrace(kind{"", packet[:start+n], 0}))
		require.True(t, strings.HasSuffix(connectionOf(kind{"", packet[:start+n], 0}), " [cut]"), n)
		require.True(t, strings.HasSuffix(text, fmt.Sprintf("} cut: %d of %d bytes captured\n", n, want)), "%d bytes: %s", n, text)
	}
}

// TestLengthOfPPPoE has a length in front of PPP that is that of what follows, or less.
func TestLengthOfPPPoE(t *testing.T) {
	for less, want := range map[int]string{0: "10.0.0.1:34567 -> 10.0.0.2:53 udp", 3: "10.0.0.1:34567 -> 10.0.0.2:53 udp [malformed]"} {
		message := pppoe(0x21, query4)
		message[5] -= byte(less)
		require.Equal(t, want, connectionOf(kind{"", ethernet(0x8864, message), 0}), less)
	}
}

// TestHeadersOfPPP has numbers of one byte and two, behind address and control fields or not, and cut.
func TestHeadersOfPPP(t *testing.T) {
	const outer = "192.168.0.1 -> 192.168.0.2 gre PPP"
	const inner = "10.0.0.1:34567 -> 10.0.0.2:53 udp [tunnel 192.168.0.1 -> 192.168.0.2 gre]"
	for _, c := range []struct {
		header  []byte
		payload []byte
		want    string
		text    string
	}{
		{[]byte{0xff, 3, 0, 0x21}, query4, inner, "PPPType=IPv4 "},
		{[]byte{0xff, 3, 0x21}, query4, inner, "PPPType=IPv4 "},
		{[]byte{0, 0x21}, query4, inner, "PPPType=IPv4 "},
		{[]byte{0x21}, query4, inner, "PPPType=IPv4 "},
		{[]byte{0xff, 4}, query4, outer, ""},
		{[]byte{0xff}, nil, outer + " [malformed]", ""},
		{[]byte{0xff, 3}, nil, outer + " [malformed]", ""},
		{[]byte{0xff, 3, 0}, nil, outer + " [malformed]", ""},
		{[]byte{0}, nil, outer + " [malformed]", ""},
		{[]byte{0xc0, 0x21}, nil, outer, "PPPType=LCP "},
		{[]byte{0x12, 0x34}, nil, outer, "PPPType=0x1234 "},
	} {
		k := kind{"", ethernet(etherIPv4, ipv4(ipGRE, "192.168.0.1", "192.168.0.2", pptp(c.header, c.payload))), 0}
		require.Equal(t, c.want, connectionOf(k), "%x", c.header)
		_, text, ok := strings.Cut(print(format.Options{Level: format.LevelVerbose}, bareTrace(k)), "\nPPP\t")
		require.True(t, ok)
		if c.text != "" {
			require.Contains(t, text, c.text, "%x", c.header)
		} else {
			require.NotContains(t, text, "PPPType=", "%x", c.header)
		}
	}
}

// TestPPPoE has messages of discovery, and cuts one of a session behind each byte.
func TestPPPoE(t *testing.T) {
	for code, want := range map[byte]string{9: "PADI", 7: "PADO", 0x19: "PADR", 0x65: "PADS", 0xa7: "PADT", 0x77: "119", 0: "PPP"} {
		text := print(format.Options{Level: format.LevelVerbose}, bareTrace(kind{"", ethernet(0x8863, []byte{0x11, code, 0, 0, 0, 0}), 0}))
		require.Contains(t, text, "Code="+want+" ", code)
	}
	packet := ethernet(0x8864, pppoe(0x1234, []byte{1, 2, 3}))
	const session = "02:00:00:00:00:01 -> 02:00:00:00:00:02 PPPoESession"
	for n := 14; n < len(packet); n++ {
		want := session + " [cut]"
		if n >= 14+6+2 {
			want = session + " 0x1234"
		}
		require.Equal(t, want, connectionOf(kind{"", packet[:n], 0}), n)
	}
}
