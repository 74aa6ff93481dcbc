// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLengthFields has the smallest length that a header can have, and one less.
func TestLengthFields(t *testing.T) {
	over4 := func(protocol byte, payload []byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", payload))
	}
	with := func(packet []byte, at int, value byte) []byte {
		packet = slices.Clone(packet)
		packet[at] = value
		return packet
	}
	const in4 = 14 + 20 // where what IP carries begins
	shortAH := append([]byte{ipUDP, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1}, udp(5, 6, nil)...)
	dccp := []byte{0, 5, 0, 6, 3, 0, 0, 0, 1, 0, 0, 1}
	for _, c := range []struct {
		name                string
		packet              []byte
		at                  int
		smallest            byte
		want, wantMalformed string
	}{
		{"AH without data", over4(ipAH, shortAH), in4 + 1, 1, "10.0.0.1:5 -> 10.0.0.2:6 udp", "10.0.0.1 -> 10.0.0.2 ah [malformed]"},
		{"DCCP", over4(33, dccp), in4 + 4, 3, "10.0.0.1:5 -> 10.0.0.2:6 dccp", "10.0.0.1:5 -> 10.0.0.2:6 dccp [malformed]"},
		{"TCP", over4(ipTCP, tcp(5, 6, synFlag, nil, nil)), in4 + 12, 0x50, "10.0.0.1:5 -> 10.0.0.2:6 tcp SYN", "10.0.0.1:5 -> 10.0.0.2:6 tcp SYN [malformed]"},
		{"UDP", over4(ipUDP, udp(5, 6, nil)), in4 + 5, 8, "10.0.0.1:5 -> 10.0.0.2:6 udp", "10.0.0.1:5 -> 10.0.0.2:6 udp [malformed]"},
		{"UDP of more than 64 KiB", over4(ipUDP, udp(5, 6, nil)), in4 + 5, 0, "10.0.0.1:5 -> 10.0.0.2:6 udp", ""},
		{"IPv4 header", over4(ipUDP, udp(5, 6, nil)), 14, 0x45, "10.0.0.1:5 -> 10.0.0.2:6 udp", "02:00:00:00:00:01 -> 02:00:00:00:00:02 IPv4 [malformed]"},
		{"IPv4", over4(200, nil), 14 + 3, 20, "10.0.0.1 -> 10.0.0.2 protocol 200", "10.0.0.1 -> 10.0.0.2 protocol 200 [malformed]"},
		{"IPv4 of more than 64 KiB", over4(ipUDP, udp(5, 6, nil)), 14 + 3, 0, "10.0.0.1:5 -> 10.0.0.2:6 udp", ""},
		{"EtherIP", over4(97, append([]byte{0x30, 0}, arpPacket...)), in4, 0x30,
			"02:00:00:00:00:01 -> 02:00:00:00:00:02 ARP [tunnel 10.0.0.1 -> 10.0.0.2 etherip]", "10.0.0.1 -> 10.0.0.2 etherip [malformed]"},
	} {
		require.Equal(t, c.want, connectionOf(kind{c.name, with(c.packet, c.at, c.smallest), 0}), c.name)
		if c.wantMalformed != "" {
			require.Equal(t, c.wantMalformed, connectionOf(kind{c.name, with(c.packet, c.at, c.smallest-1), 0}), c.name)
		}
	}
}
