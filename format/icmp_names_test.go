// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

func icmpOf(typ, code byte, v6 bool) *payload.Payload {
	message := []byte{typ, code, 0, 0, 0, 0, 0, 0}
	if v6 {
		return bareTrace(kind{"", ethernet(etherIPv6, ipv6(ipICMPv6, "fd00::1", "fd00::2", message)), 0})
	}
	return bareTrace(kind{"", ethernet(etherIPv4, ipv4(ipICMP, "10.0.0.1", "10.0.0.2", message)), 0})
}

// TestICMPNames has types and codes that have a name in one version and none, or another, in the other one.
func TestICMPNames(t *testing.T) {
	for _, c := range []struct {
		typ, code byte
		v4, v6    string
	}{
		{1, 7, "1(7)", "DestinationUnreachable(ErrorInSourceRoutingHeader)"},
		{1, 8, "1(8)", "DestinationUnreachable(HeadersTooLong)"},
		{4, 3, "SourceQuench(Code: 3)", "ParameterProblem(IncompleteHeaderChain)"},
		{4, 4, "SourceQuench(Code: 4)", "ParameterProblem(SRUpperLayerHeaderError)"},
		{6, 0, "AlternateHostAddress", "6(0)"},
		{30, 1, "Traceroute(Code: 1)", "30(1)"},
		{143, 0, "143(0)", "MulticastListenerReportV2"},
		{143, 2, "143(2)", "MulticastListenerReportV2(Code: 2)"},
		{200, 201, "200(201)", "200(201)"},
	} {
		require.Equal(t, "in   10.0.0.1 -> 10.0.0.2 icmp "+c.v4+": from host\n", print(format.Options{}, icmpOf(c.typ, c.code, false)))
		require.Equal(t, "in   fd00::1 -> fd00::2 icmp "+c.v6+": from host\n", print(format.Options{}, icmpOf(c.typ, c.code, true)))
	}
}

// TestICMPNamesOfAll prints messages of all types in both versions, more than names are kept of, with one event, and
// each alone.
func TestICMPNamesOfAll(t *testing.T) {
	f := format.New(format.Options{})
	ev := format.NewEvent(interfaceName)
	for range 2 {
		for typ := range 256 {
			for _, code := range []byte{0, 1, 200} {
				for _, v6 := range []bool{false, true} {
					pl := icmpOf(byte(typ), code, v6)
					ev.Decode(pl)
					require.Equal(t, print(format.Options{}, pl), string(f.Append(nil, ev)))
				}
			}
		}
	}
}

// TestICMPv6TypesHaveNames has all types that IANA has assigned.
func TestICMPv6TypesHaveNames(t *testing.T) {
	unassigned := regexp.MustCompile(`icmp \d+\(0\)`)
	for _, types := range [][2]int{{1, 4}, {100, 101}, {128, 149}, {151, 153}, {155, 155}, {157, 158}, {160, 161}} {
		for typ := types[0]; typ <= types[1]; typ++ {
			require.NotRegexp(t, unassigned, print(format.Options{}, icmpOf(byte(typ), 0, true)))
		}
	}
	require.Regexp(t, unassigned, print(format.Options{}, icmpOf(99, 0, true)))
}
