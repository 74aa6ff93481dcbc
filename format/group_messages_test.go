// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/monitor/format"
)

// TestGroupMessages compares what is printed of messages of IGMP and VRRP with a file: times with an exponent, records
// with sources and data or cut, values that have no name.
func TestGroupMessages(t *testing.T) {
	over4 := func(protocol byte, payload ...byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", payload))
	}
	over6 := func(next byte, payload ...byte) []byte {
		return ethernet(etherIPv6, ipv6(next, "fd00::1", "fd00::2", payload))
	}
	query := func(code byte, more ...byte) []byte {
		return over4(ipIGMP, append([]byte{0x11, code, 0, 0, 224, 0, 0, 1}, more...)...)
	}
	report := func(n byte, groups ...[]byte) []byte {
		return over4(ipIGMP, append([]byte{0x22, 0, 0, 0, 0, 0, 0, n}, slices.Concat(groups...)...)...)
	}
	group := func(typ, auxiliary, sources byte, more ...byte) []byte {
		return append([]byte{typ, auxiliary, 0, sources, 232, 1, 1, 1}, more...)
	}
	vrrp := func(version, addresses, auth byte, more ...byte) []byte {
		return append([]byte{version, 7, 100, addresses, auth, 1, 0, 0}, more...)
	}
	two := []byte{10, 0, 0, 1, 10, 0, 0, 2}
	var b strings.Builder
	for _, m := range []kind{
		{"query, longest time without an exponent", query(0x7f), 0},
		{"query, shortest time with an exponent", query(0x80), 0},
		{"query, time with an exponent", query(0x9a), 0},
		{"query, longest time", query(0xff), 0},
		{"query, too short for version 3", query(1, 0, 0, 0), 0},
		{"query of version 3", query(1, 0x0f, 0x8c, 0, 0), 0},
		{"query of version 3, more sources than there are", query(1, 7, 16, 0, 2, 10, 0, 0, 1), 0},
		{"query of version 3, less sources than there are", query(1, 7, 16, 0, 1, 10, 0, 0, 1, 10, 0, 0, 2), 0},
		{"report of version 1, longer than it is", over4(ipIGMP, 0x12, 1, 0, 0, 224, 0, 0, 1, 0, 0, 0, 0), 0},
		{"unknown type", over4(ipIGMP, 0x99, 1, 0, 0, 224, 0, 0, 1), 0},
		{"report of no group", report(0), 0},
		{"report of a group that is not there", report(1), 0},
		{"report of a group that is cut", report(1, group(1, 0, 0)[:7]), 0},
		{"report of a group", report(1, group(1, 0, 0)), 0},
		{"report with sources and data", report(2, group(6, 1, 1, 10, 0, 0, 1, 1, 2, 3, 4), group(3, 0, 0)), 0},
		{"report without a source of the last group", report(2, group(2, 0, 2, two...), group(3, 0, 1)), 0},
		{"report of less groups than there are", report(1, group(2, 0, 0), group(3, 0, 0)), 0},
		{"report of four groups", report(4, slices.Repeat(group(2, 0, 0), 4)), 0},
		{"report of five groups", report(5, slices.Repeat(group(2, 0, 0), 5)), 0},
		{"router", over4(ipVRRP, vrrp(0x21, 1, 0, 10, 0, 0, 9)...), 0},
		{"router without an address", over4(ipVRRP, vrrp(0x21, 0, 0)...), 0},
		{"router with authentication", over4(ipVRRP, vrrp(0x21, 1, 1, 10, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8)...), 0},
		{"router with authentication 2", over4(ipVRRP, vrrp(0x21, 1, 2, 10, 0, 0, 9)...), 0},
		{"router with authentication 3, which there is not", over4(ipVRRP, vrrp(0x21, 1, 3, 10, 0, 0, 9)...), 0},
		{"router without its second address", over4(ipVRRP, vrrp(0x21, 2, 0, 10, 0, 0, 9)...), 0},
		{"router of version 3", over4(ipVRRP, vrrp(0x31, 2, 0xff, two...)...), 0},
		{"unknown type of router", over4(ipVRRP, vrrp(0x22, 1, 0, 10, 0, 0, 9)...), 0},
		{"router with IPv6", over6(ipVRRP, vrrp(0x31, 2, 0, synAck6[8:40]...)...), 0},
		{"router with IPv6 without its second address", over6(ipVRRP, vrrp(0x31, 2, 0, synAck6[8:39]...)...), 0},
	} {
		b.WriteString("== " + m.name + "\n" + print(format.Options{Level: format.LevelVerbose}, bareTrace(m)))
	}
	golden(t, filepath.Join("testdata", "group-messages.golden"), b.String())
}
