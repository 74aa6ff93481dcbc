// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// connectionOf returns what the line of an event of a packet has of it.
func connectionOf(k kind) string {
	line := strings.TrimPrefix(print(format.Options{}, bareTrace(k)), "in   ")
	connection, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": from host")
	return connection
}

// bareTrace returns a trace that says nothing besides its packet.
func bareTrace(k kind) *payload.Payload {
	return trace(k.packet, func(n *api.TraceNotify) {
		*n = api.TraceNotify{
			Type: api.MessageTypeTrace, ObsPoint: api.TraceFromHost, Version: 2, Reason: api.TraceReasonUnknown,
			OrigLen: uint32(len(k.packet)), CapLen: uint16(len(k.packet)), Flags: k.flags,
		}
	})
}

// TestCutHeaders cuts a packet around the last byte of a header that its summary shows something of: only with less it
// says so.
func TestCutHeaders(t *testing.T) {
	over4 := func(protocol byte, payload []byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", payload))
	}
	over6 := func(next byte, payload []byte) []byte {
		return ethernet(etherIPv6, ipv6(next, "fd00::1", "fd00::2", payload))
	}
	const in4, in6 = 14 + 20, 14 + 40 // where what IP carries begins
	for _, c := range []struct {
		name      string
		packet    []byte
		flags     uint8
		shown     int // bytes of the packet
		want, cut string
	}{
		{"TCP", synPacket, 0, in4 + 14, "10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN", "10.0.0.1:34567 -> 10.0.0.2:80 tcp [cut]"},
		{"UDP", udpPacket, 0, in4 + 4, "10.0.0.1:34567 -> 10.0.0.2:53 udp", "10.0.0.1 -> 10.0.0.2 udp [cut]"},
		{"UDP-Lite", over4(ipUDPLite, udp(5, 6, nil)), 0, in4 + 4, "10.0.0.1:5 -> 10.0.0.2:6 udplite", "10.0.0.1 -> 10.0.0.2 udplite [cut]"},
		{"SCTP", sctpPacket, 0, in4 + 4, "10.0.0.1:7 -> 10.0.0.2:9 sctp", "10.0.0.1 -> 10.0.0.2 sctp [cut]"},
		{"DCCP", over4(33, []byte{0, 5, 0, 6, 4, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2}), 0, in4 + 4, "10.0.0.1:5 -> 10.0.0.2:6 dccp", "10.0.0.1 -> 10.0.0.2 dccp [cut]"},
		{"ICMP", icmpPacket, 0, in4 + 2, "10.0.0.1 -> 10.0.0.2 icmp EchoRequest", "10.0.0.1 -> 10.0.0.2 icmp [cut]"},
		{"ICMPv6", icmp6Packet, 0, in6 + 2, "fd00::1 -> fd00::2 icmp EchoRequest", "fd00::1 -> fd00::2 icmp [cut]"},
		{"VRRP", vrrpPacket, 0, in4 + 3, "10.0.0.1 -> 224.0.0.18 vrrp VRRPv2 Advertisement 1 100", "10.0.0.1 -> 224.0.0.18 vrrp [cut]"},
		{"IGMP", igmp2Packet, 0, in4 + 8, "10.0.0.1 -> 224.0.0.22 igmp IGMPv2 Membership Report 224.0.0.251", "10.0.0.1 -> 224.0.0.22 igmp IGMPv2 Membership Report [cut]"},
		{"ESP", over4(ipESP, make([]byte, 16)), 0, in4, "10.0.0.1 -> 10.0.0.2 esp", ""},
		{"GRE", over4(ipGRE, gre(0x20, 0x880b)), 0, in4 + 8, "10.0.0.1 -> 10.0.0.2 gre PPP", "10.0.0.1 -> 10.0.0.2 gre PPP [cut]"},
		{"GRE without an EtherType", over4(ipGRE, gre(0, 0x880b)), 0, in4 + 4, "10.0.0.1 -> 10.0.0.2 gre PPP", "10.0.0.1 -> 10.0.0.2 gre [cut]"},
		{"IPv4", icmpPacket[:in4], 0, in4, "10.0.0.1 -> 10.0.0.2 icmp [cut]", "02:00:00:00:00:01 -> 02:00:00:00:00:02 IPv4 [cut]"},
		{"IPv4 options", ethernet(etherIPv4, ipv4Options(ipUDP, "10.0.0.1", "10.0.0.2", make([]byte, 40), udp(1, 2, nil))), 0, 14 + 60 + 4,
			"10.0.0.1:1 -> 10.0.0.2:2 udp", "10.0.0.1 -> 10.0.0.2 udp [cut]"},
		{"IPv6", over6(200, nil), 0, in6, "fd00::1 -> fd00::2 protocol 200", "02:00:00:00:00:01 -> 02:00:00:00:00:02 IPv6 [cut]"},
		{"destination options", over6(60, extension(200, 1)), 0, in6 + 16, "fd00::1 -> fd00::2 protocol 200", "fd00::1 -> fd00::2 ipv6-opts [cut]"},
		{"AH", over4(ipAH, ah(200)), 0, in4 + 24, "10.0.0.1 -> 10.0.0.2 protocol 200", "10.0.0.1 -> 10.0.0.2 ah [cut]"},
		{"Geneve with as many options as fit", geneveFullPacket, api.FlagGeneve, in4 + 8 + 8 + 63*4 + 14 + 40 + 2,
			"fd00::1 -> fd00::2 icmp EchoRequest [tunnel 192.168.0.1:40000 -> 192.168.0.2:6081 geneve]",
			"fd00::1 -> fd00::2 icmp [cut] [tunnel 192.168.0.1:40000 -> 192.168.0.2:6081 geneve]"},
		{"VLAN", ethernet(0x8100, vlan(100, 0x88b5)), 0, 14 + 4, "02:00:00:00:00:01 -> 02:00:00:00:00:02 0x88b5", "02:00:00:00:00:01 -> 02:00:00:00:00:02 Dot1Q [cut]"},
	} {
		for n := c.shown; n <= len(c.packet); n++ {
			require.Equal(t, c.want, connectionOf(kind{c.name, c.packet[:n], c.flags}), "%s, %d bytes", c.name, n)
		}
		if c.cut != "" {
			require.Equal(t, c.cut, connectionOf(kind{c.name, c.packet[:c.shown-1], c.flags}), c.name)
		}
	}
}

// TestCutOptions cuts the longest headers of a tunnel and of IPv4 behind each byte.
func TestCutOptions(t *testing.T) {
	ip := ethernet(etherIPv4, ipv4Options(200, "10.0.0.1", "10.0.0.2", make([]byte, 40), nil))
	for n := 20; n < 60; n++ {
		require.Equal(t, "10.0.0.1 -> 10.0.0.2 protocol 200 [cut]", connectionOf(kind{"", ip[:14+n], 0}), n)
	}
	for n := range 8 + 63*4 {
		got := connectionOf(kind{"", geneveFullPacket[:14+20+8+n], api.FlagGeneve})
		require.Equal(t, "192.168.0.1:40000 -> 192.168.0.2:6081 udp [cut]", got, n)
	}
}

// TestNothingOfAHeader cuts packets behind the IP header, which says what follows.
func TestNothingOfAHeader(t *testing.T) {
	for protocol, want := range map[byte]string{
		ipICMP: "icmp [cut]", ipIGMP: "igmp [cut]", ipTCP: "tcp [cut]", ipUDP: "udp [cut]", 33: "dccp [cut]", ipGRE: "gre [cut]",
		ipESP: "esp", ipAH: "ah [cut]", 97: "etherip [cut]", ipVRRP: "vrrp [cut]", ipSCTP: "sctp [cut]", ipUDPLite: "udplite [cut]", 200: "protocol 200",
	} {
		packet := ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", make([]byte, 40)))
		require.Equal(t, "10.0.0.1 -> 10.0.0.2 "+want, connectionOf(kind{"", packet[:14+20], 0}), protocol)
	}
	for next, want := range map[byte]string{
		0: "hopopt [cut]", 43: "ipv6-route [cut]", 44: "ipv6-frag [cut]", ipICMPv6: "icmp [cut]", 60: "ipv6-opts [cut]",
		135: "mobility-header [cut]", 139: "hip [cut]", 140: "shim6 [cut]", 59: "ipv6-nonxt",
	} {
		packet := ethernet(etherIPv6, ipv6(next, "fd00::1", "fd00::2", make([]byte, 40)))
		require.Equal(t, "fd00::1 -> fd00::2 "+want, connectionOf(kind{"", packet[:14+40], 0}), next)
	}
}
