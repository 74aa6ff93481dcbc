// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestFilterProtocols asks for protocols by names and numbers, also for extension headers, which are protocols, too.
func TestFilterProtocols(t *testing.T) {
	options := ethernet(etherIPv6, ipv6(0, "fd00::1", "fd00::2", extension(60, 0, extension(ipUDP, 0, udp(1, 2, nil)))))
	events := []named{
		{"tcp", drop(synPacket)},
		{"icmp", drop(icmpPacket)},
		{"icmpv6", drop(icmp6Packet)},
		{"options", drop(options)},
		{"ospf", drop(ethernet(etherIPv4, ipv4(89, "10.0.0.1", "10.0.0.2", make([]byte, 24))))},
		{"arp", drop(arpPacket)},
	}
	for filter, want := range map[string]string{
		"--protocol 0":              "options",
		"--protocol HOPOPT":         "options",
		"--protocol ipv6-opts":      "options",
		"--protocol 60":             "options",
		"--protocol udp":            "options",
		"--protocol ipv6-route":     "",
		"--protocol icmp":           "icmp icmpv6",
		"--protocol icmpv4":         "icmp",
		"--protocol ipv6-icmp":      "icmpv6",
		"--protocol ospfigp,6":      "tcp ospf",
		"--protocol 255":            "",
		"--not --protocol 0":        "tcp icmp icmpv6 ospf arp",
		"--not --protocol icmp,tcp": "options ospf arp",
	} {
		require.Equal(t, want, matching(t, filter, events), filter)
	}
	_, err := format.ParseFilter([]string{"--protocol", "hopop"})
	require.ErrorContains(t, err, `did you mean "hopopt"?`)

	names := format.FilterValues("protocol")
	require.Equal(t, "tcp", names[0])
	require.Contains(t, names, "hopopt")
	require.Contains(t, names, "ospfigp")
	require.NotContains(t, names, "")
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names), "each once")
}

// TestFilterCovers has values one of which is a part of the other, or is it.
func TestFilterCovers(t *testing.T) {
	for filter, contradiction := range map[string]bool{
		"--src-ip 10.0.0.0/8 --not --ip 10.0.0.0/8":    true,
		"--src-ip 10.0.0.0/8 --not --ip 10.0.0.0/9":    false,
		"--src-ip 10.0.0.0/8 --not --ip 11.0.0.0/8":    false,
		"--src-ip 10.0.0.0/8 --not --ip 0.0.0.0/0":     true,
		"--src-ip 10.0.0.0/8 --not --ip ::/0":          false,
		"--src-ip 10.0.0.1 --not --ip ::ffff:0:0/96":   true,
		"--src-ip 10.0.0.1 --not --ip ::ffff:10.0.0.1": true,
		"--protocol icmp --not --protocol icmpv4":      false,
		"--protocol icmp --not --protocol icmpv6":      false,
		"--protocol icmp --not --protocol icmp":        true,
		"--protocol icmpv4 --not --protocol icmp":      true,
		"--protocol icmpv6 --not --protocol 58":        true,
		"--port 80-90 --not --port 80-90":              true,
		"--port 80-90 --not --port 81-90":              false,
		"--port 80-90 --not --port 80-89":              false,
		"--port 80-90,5 --not --port 80-90":            false,
		"--port 80 --not --outer --port 80":            false,
		"--outer --port 80 --not --port 80":            true,
		"--inner --port 80 --not --outer --port 80":    false,
		"--tcp-flags SYN --not --tcp-flags SYN":        true,
		"--tcp-flags SYN --not --tcp-flags ACK":        false,
		"--drop-reason denied --not --drop-reason 133": false,
		"--drop-reason 133 --not --drop-reason 133":    true,
		"--from 7 --not --from 8":                      false,
		"--from 7 --not --to 7":                        false,
		"--verdict deny --not --verdict DENY":          true,
		"--interface eth0 --not --interface eth0":      true,
		"--identity 2 --not --identity world":          true,
	} {
		_, err := format.ParseFilter(strings.Fields(filter))
		if contradiction {
			require.ErrorContains(t, err, "no event can match", filter)
		} else {
			require.NoError(t, err, filter)
		}
	}
}

// TestFilterMappedNetworks takes networks of IPv4 that are written as those of IPv6.
func TestFilterMappedNetworks(t *testing.T) {
	events := []named{{"v4", drop(synPacket)}, {"v6", drop(tcp6Packet)}}
	for filter, want := range map[string]string{
		"--ip ::ffff:0:0/96":       "v4",
		"--ip ::ffff:10.0.0.0/104": "v4",
		"--ip ::ffff:11.0.0.0/104": "",
		"--ip ::/0":                "v6",
		"--ip ::/95":               "",
		"--ip fd00::/16":           "v6",
	} {
		require.Equal(t, want, matching(t, filter, events), filter)
	}
}
