// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// TestHeaderOptions compares what is printed of options, and of fields that are seldom set, with a file: options without
// data, of wrong lengths and behind the end of options, as many as are listed and more.
func TestHeaderOptions(t *testing.T) {
	over4 := func(options ...byte) []byte {
		return ethernet(etherIPv4, ipv4Options(200, "10.0.0.1", "10.0.0.2", options, nil))
	}
	overTCP := func(options ...byte) []byte {
		return ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0, options, nil)))
	}
	geneveOf := func(options ...byte) []byte {
		return ethernet(etherIPv4, ipv4(ipUDP, "192.168.0.1", "192.168.0.2", geneve(etherIPv4, options, ping4)))
	}
	with := func(packet []byte, at int, bytes ...byte) []byte {
		packet = slices.Clone(packet)
		copy(packet[at:], bytes)
		return packet
	}
	var b strings.Builder
	for _, k := range []kind{
		{"IPv4, no operations", over4(1, 1, 1, 1), 0},
		{"IPv4, six options, the end among them", over4(1, 1, 1, 1, 1, 0, 0, 0), 0},
		{"IPv4, the end first", over4(0, 1, 2, 3), 0},
		{"IPv4, padding behind the end", over4(1, 1, 0, 9), 0},
		{"IPv4, long padding behind the end", over4(0x94, 4, 0, 0, 0, 9, 9, 9), 0},
		{"IPv4, an option without data", over4(0x99, 2, 1, 0), 0},
		{"IPv4, an option of length 1", over4(0x99, 1, 1, 0), 0},
		{"IPv4, an option of length 0", over4(1, 0x99, 0, 0), 0},
		{"IPv4, an option that is longer than the rest", over4(0x99, 5, 1, 0), 0},
		{"IPv4, an option that fills the rest", over4(0x99, 4, 1, 2), 0},
		{"IPv4, an option without data at the end", over4(1, 1, 0x99, 2), 0},
		{"IPv4, a type alone", over4(1, 1, 1, 0x99), 0},
		{"IPv4, four options", over4(1, 0x94, 4, 0, 0, 0x99, 2, 1), 0},
		{"IPv4, all flags and TOS", with(over4(), 14+1, 0xb9, 0, 20, 0x12, 0x34, 0xff, 0xff), 0},
		{"IPv4, flags 0", with(over4(), 14+6, 0, 0), 0},
		{"IPv6, traffic class and flow label", with(tcp6Packet, 14, 0x6a, 0xbc, 0xde, 0xf1), 0},
		{"TCP, five options, the end among them", overTCP(1, 1, 3, 3, 7, 4, 2, 0), 0},
		{"TCP, window scale", overTCP(1, 3, 3, 7), 0},
		{"TCP, four options, the end among them", overTCP(1, 2, 4, 5, 0xb4, 4, 2, 0), 0},
		{"TCP, timestamps", overTCP(8, 10, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0), 0},
		{"TCP, an MSS of one byte", overTCP(2, 3, 5, 0), 0},
		{"TCP, timestamps that are short", overTCP(8, 6, 0, 0, 1, 0, 0, 0), 0},
		{"TCP, selective acknowledgement", overTCP(5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0), 0},
		{"TCP, an option that is longer than the rest", overTCP(2, 9, 5, 0), 0},
		{"TCP, another option", overTCP(254, 4, 1, 2), 0},
		{"TCP, multipath", overTCP(30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8), 0},
		{"TCP, all flags", with(overTCP(), 14+20+12, 0x51, 0xff), 0},
		{"TCP, urgent", with(overTCP(), 14+20+18, 1, 2), 0},
		{"Geneve, two options", geneveOf(1, 0x4b, 0x80, 1, 0, 0, 0, 1, 1, 2, 0x81, 0xe0), api.FlagGeneve},
		{"Geneve, four options", geneveOf(slices.Repeat([]byte{1, 2, 3, 0}, 4)...), api.FlagGeneve},
		{"Geneve, five options", geneveOf(slices.Repeat([]byte{1, 2, 3, 0}, 5)...), api.FlagGeneve},
		{"Geneve, an option that is longer than the rest", geneveOf(1, 2, 3, 0, 1, 2, 4, 1), api.FlagGeneve},
		{"GRE, the flag of version 1 in version 0", ethernet(etherIPv4, ipv4(ipGRE, "10.0.0.1", "10.0.0.2", []byte{0, 0x80, 0x88, 0x0b})), 0},
		{"GRE of version 1 without acknowledgement", ethernet(etherIPv4, ipv4(ipGRE, "10.0.0.1", "10.0.0.2", []byte{0x30, 1, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 1})), 0},
		{"GRE, all bits that say nothing", ethernet(etherIPv4, ipv4(ipGRE, "10.0.0.1", "10.0.0.2", []byte{0x0f, 0x78, 0x88, 0x0b})), 0},
		{"VLAN, priority and drop eligible", ethernet(0x8100, vlan(0xffff, 0x88b5)), 0},
		{"MPLS, all bits", ethernet(0x8847, []byte{0xff, 0xff, 0xff, 0xff}), 0},
		{"the first EtherType", ethernet(0x0600, []byte{1, 2, 3, 4, 5}), 0},
		{"the largest length", ethernet(0x05ff, []byte{1, 2, 3, 4}), 0},
		{"IPv6 fragment, all bits", ethernet(etherIPv6, ipv6(44, "fd00::1", "fd00::2", []byte{ipUDP, 0xff, 0xff, 0xff, 1, 2, 3, 4})), 0},
		{"segment routing of fewer segments than it says", ethernet(etherIPv6, ipv6(43, "fd00::1", "fd00::2", with(segmentRouting(59, nil, "fd00::2"), 4, 3))), 0},
		{"segment routing of more segments than it says", ethernet(etherIPv6, ipv6(43, "fd00::1", "fd00::2", with(segmentRouting(59, nil, "fd00::2", "fd00::3"), 4, 0))), 0},
		{"segment routing with all fields", ethernet(etherIPv6, ipv6(43, "fd00::1", "fd00::2", with(segmentRouting(59, nil, "fd00::2"), 4, 0, 1, 2, 3))), 0},
		{"routing of another type", ethernet(etherIPv6, ipv6(43, "fd00::1", "fd00::2", with(segmentRouting(59, nil, "fd00::2"), 2, 0))), 0},
	} {
		b.WriteString("== " + k.name + "\n" + print(format.Options{Level: format.LevelVerbose}, bareTrace(k)))
	}
	golden(t, filepath.Join("testdata", "header-options.golden"), b.String())
}
