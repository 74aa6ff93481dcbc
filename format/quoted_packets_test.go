// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTypesThatQuote has a packet in ICMP messages of each type: only errors and redirects are about it.
func TestTypesThatQuote(t *testing.T) {
	errors4 := []byte{3, 4, 5, 11, 12}
	for typ := range 256 {
		head := []byte{byte(typ), 0, 0, 0, 0, 0, 0, 0}
		line := connectionOf(kind{"", ethernet(etherIPv4, ipv4(ipICMP, "10.0.0.9", "10.0.0.1", head, syn4)), 0})
		const about4 = " [about 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN]"
		if slices.Contains(errors4, byte(typ)) {
			require.Contains(t, line, about4, typ)
		} else {
			require.NotContains(t, line, "about", typ)
		}
		line = connectionOf(kind{"", ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::9", "fd00::1", head, synAck6)), 0})
		if typ <= 127 {
			require.Contains(t, line, " [about [fd00::1]:34567 -> [fd00::2]:443 tcp SYN, ACK]", typ)
		} else {
			require.NotContains(t, line, "about", typ)
		}
	}
}

// TestRedirectsThatQuote has options in front of the one that quotes a packet, and options that are none.
func TestRedirectsThatQuote(t *testing.T) {
	const about = " [about [fd00::1]:34567 -> [fd00::2]:443 tcp SYN, ACK]"
	quote := append([]byte{4, byte(1 + len(synAck6)/8), 0, 0, 0, 0, 0, 0}, synAck6...)
	link := []byte{2, 1, 2, 0, 0, 0, 0, 1}
	for _, c := range []struct {
		name    string
		options []byte
		about   string
	}{
		{"none", nil, ""},
		{"another", link, ""},
		{"quote", quote, about},
		{"quote behind another", slices.Concat(link, quote), about},
		{"quote behind a long one", slices.Concat([]byte{2, 2, 0, 0, 0, 0, 0, 0}, link, quote), about},
		{"quote behind one of no length", slices.Concat([]byte{2, 0, 0, 0, 0, 0, 0, 0}, quote), ""},
		{"quote of nothing", quote[:8], ""},
		{"quote of an address", quote[:8+24], " [cut]"},
		{"quote of a byte", quote[:9], " [cut]"},
	} {
		line := connectionOf(kind{"", ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::9", "fd00::1", []byte{137, 0, 0, 0}, make([]byte, 36), c.options)), 0})
		require.Equal(t, "fd00::9 -> fd00::1 icmp Redirect"+c.about, line, c.name)
	}
	whole := ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::9", "fd00::1", []byte{137, 0, 0, 0}, make([]byte, 36), quote))
	packet := len(whole) - len(synAck6)
	for n := packet - len("option"); n < packet+40; n++ {
		want := "fd00::9 -> fd00::1 icmp Redirect"
		if n > packet {
			want += " [cut]"
		}
		require.Equal(t, want, connectionOf(kind{"", whole[:n], 0}), n)
	}
}
