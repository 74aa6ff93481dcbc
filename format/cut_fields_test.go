// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// cutFields are headers, and after how many bytes of one each of its fields is there.
func cutFields() []struct {
	layer  string
	packet []byte
	start  int // of the header
	flags  uint8
	fields string
} {
	over4 := func(protocol byte, payload []byte) []byte {
		return ethernet(etherIPv4, ipv4(protocol, "10.0.0.1", "10.0.0.2", payload))
	}
	over6 := func(next byte, payload []byte) []byte {
		return ethernet(etherIPv6, ipv6(next, "fd00::1", "fd00::2", payload))
	}
	const in4, in6 = 14 + 20, 14 + 40 // where what IP carries begins
	return []struct {
		layer  string
		packet []byte
		start  int
		flags  uint8
		fields string
	}{
		{"Ethernet", ethernet(0x88b5), 0, 0, "DstMAC 6, SrcMAC 12, EthernetType 14, Length 14"},
		{"Dot1Q", ethernet(0x8100, vlan(100, 0x88b5)), 14, 0, "Priority 1, DropEligible 1, VLANIdentifier 2, Type 4"},
		{"LLC", ethernet(9, []byte{0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xb5}), 14, 0, "DSAP 1, SSAP 2, Control 3, OrganizationalCode 4, Type 8"},
		{"LLC", ethernet(4, []byte{0xf0, 0xf0, 2, 4}), 14, 0, "DSAP 1, SSAP 2, Control 4"},
		{"MPLS", ethernet(0x8847, mpls(nil, 16)), 14, 0, "Label 3, TrafficClass 3, StackBottom 3, TTL 4"},
		{"ARP", arpPacket, 14, 0, "AddrType 2, Protocol 4, HwAddressSize 5, ProtAddressSize 6, Operation 8, SourceHwAddress 14, SourceProtAddress 18, DstHwAddress 24, DstProtAddress 28"},
		{"IPv4", over4(200, nil), 14, 0, "Version 1, IHL 1, TOS 2, Length 4, Id 6, Flags 8, FragOffset 8, TTL 9, Protocol 10, Checksum 12, SrcIP 16, DstIP 20, Options 20, Padding 20"},
		{"IPv4", ethernet(etherIPv4, ipv4Options(200, "10.0.0.1", "10.0.0.2", make([]byte, 8), nil)), 14, 0, "Version 1, IHL 1, TOS 2, Length 4, Id 6, Flags 8, FragOffset 8, TTL 9, Protocol 10, Checksum 12, SrcIP 16, DstIP 20, Options 28, Padding 28"},
		{"IPv6", over6(200, nil), 14, 0, "Version 4, TrafficClass 4, FlowLabel 4, Length 6, NextHeader 7, HopLimit 8, SrcIP 24, DstIP 40, HopByHop 40"},
		{"IPv6Destination", over6(60, extension(200, 0)), in6, 0, "NextHeader 1, HeaderLength 2, ActualLength 2, Data 2"},
		{"IPv6Routing", over6(43, segmentRouting(200, nil, "fd00::2", "fd00::3")), in6, 0, "NextHeader 1, HeaderLength 2, ActualLength 2, RoutingType 3, SegmentsLeft 4, LastEntry 8, Flags 8, Tag 8, Segments 8"},
		{"IPv6Routing", over6(43, []byte{200, 0, 0, 0, 0, 0, 0, 0}), in6, 0, "NextHeader 1, HeaderLength 2, ActualLength 2, RoutingType 3, SegmentsLeft 4, Data 8"},
		{"IPv6Fragment", over6(44, fragment(200, 0, false)), in6, 0, "NextHeader 1, Reserved1 2, FragmentOffset 4, Reserved2 4, MoreFragments 4, Identification 8"},
		{"IPSecAH", over4(ipAH, ah(200)), in4, 0, "NextHeader 1, HeaderLength 2, ActualLength 2, Reserved 4, SPI 8, Seq 12, AuthenticationData 12"},
		{"IPSecESP", over4(ipESP, make([]byte, 12)), in4, 0, "SPI 4, Seq 8, Encrypted 8"},
		{"TCP", over4(ipTCP, tcp(1, 2, 0, nil, nil)), in4, 0, "SrcPort 2, DstPort 4, Seq 8, Ack 12, DataOffset 13, FIN 14, SYN 14, RST 14, PSH 14, ACK 14, URG 14, ECE 14, CWR 14, NS 14, Window 16, Checksum 18, Urgent 20, Options 20, Padding 20, Multipath 20"},
		{"TCP", synPacket, in4, 0, "SrcPort 2, DstPort 4, Seq 8, Ack 12, DataOffset 13, FIN 14, SYN 14, RST 14, PSH 14, ACK 14, URG 14, ECE 14, CWR 14, NS 14, Window 16, Checksum 18, Urgent 20, Options 36, Padding 36, Multipath 36"},
		{"UDP", over4(ipUDP, udp(1, 2, nil)), in4, 0, "SrcPort 2, DstPort 4, Length 6, Checksum 8"},
		{"UDPLite", over4(ipUDPLite, udp(1, 2, nil)), in4, 0, "SrcPort 2, DstPort 4, ChecksumCoverage 6, Checksum 8"},
		{"SCTP", sctpPacket, in4, 0, "SrcPort 2, DstPort 4, VerificationTag 8, Checksum 12"},
		{"DCCP", over4(33, []byte{0, 5, 0, 6, 4, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 2}), in4, 0, "SrcPort 2, DstPort 4, DataOffset 5, CCVal 6, ChecksumCoverage 6, Checksum 8, Type 9, ExtendedSeq 9"},
		{"ICMPv4", over4(ipICMP, []byte{8, 0, 0, 0, 0, 1, 0, 2}), in4, 0, "TypeCode 2, Checksum 4, Id 6, Seq 8"},
		{"ICMPv6", over6(ipICMPv6, []byte{128, 0, 0, 0}), in6, 0, "TypeCode 2, Checksum 4, TypeBytes 4"},
		{"IGMP", igmp2Packet, in4, 0, "Type 1, MaxResponseTime 2, Checksum 4, GroupAddress 8, Version 8"},
		{"IGMP", igmp3Packet, in4, 0, "Type 1, MaxResponseTime 1, GroupAddress 1, SupressRouterProcessing 1, RobustnessValue 1, IntervalTime 1, SourceAddresses 1, NumberOfSources 1, Checksum 4, NumberOfGroupRecords 8, GroupRecords 8, Version 8, AuxDataLen 16, MulticastAddress 16, AuxData 16"},
		{"IGMP", over4(ipIGMP, []byte{0x11, 0x98, 0, 0, 232, 1, 1, 1, 0x0a, 125, 0, 1, 10, 0, 0, 9}), in4, 0, "Type 1, MaxResponseTime 2, Checksum 4, GroupAddress 8, Version 8, SupressRouterProcessing 12, RobustnessValue 12, IntervalTime 12, SourceAddresses 12, NumberOfGroupRecords 12, NumberOfSources 12, GroupRecords 12"},
		{"VRRP", vrrpPacket, in4, 0, "Version 1, Type 1, VirtualRtrID 2, Priority 3, CountIPAddr 4, AuthType 5, AdverInt 6, Checksum 8, IPAddress 8"},
		{"VRRP", over4(ipVRRP, []byte{0x31, 7, 100, 2, 0, 100, 0, 0, 10, 0, 0, 8, 10, 0, 0, 9}), in4, 0, "Version 1, Type 1, VirtualRtrID 2, Priority 3, CountIPAddr 4, MaxAdverInt 6, Checksum 8, IPAddress 8"},
		{"GRE", over4(ipGRE, gre(0xf0, 0x880b)), in4, 0, "ChecksumPresent 1, RoutingPresent 1, KeyPresent 1, SeqPresent 1, StrictSourceRoute 1, AckPresent 4, RecursionControl 4, Flags 4, Version 4, Protocol 4, Ack 4, Checksum 6, Offset 8, Key 12, Seq 16"},
		{"GRE", over4(ipGRE, []byte{0x30, 0x81, 0x88, 0x0b, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2}), in4, 0, "ChecksumPresent 1, RoutingPresent 1, KeyPresent 1, SeqPresent 1, StrictSourceRoute 1, AckPresent 4, RecursionControl 4, Flags 4, Version 4, Protocol 4, Checksum 4, Offset 4, Key 8, Seq 12, Ack 16"},
		{"EtherIP", over4(97, []byte{0x30, 0}), in4, 0, "Version 1"},
		{"VXLAN", over4(ipUDP, vxlan(nil)), in4 + 8, api.FlagVXLAN, "ValidIDFlag 1, GBPExtension 1, GBPDontLearn 2, GBPApplied 2, GBPGroupPolicyID 4, VNI 7"},
		{"Geneve", over4(ipUDP, geneve(etherIPv4, []byte{1, 0x4b, 0x80, 1, 0, 0, 0, 1}, nil)), in4 + 8, api.FlagGeneve, "Version 1, OptionsLength 1, OAMPacket 2, CriticalOption 2, Protocol 4, VNI 7, Options 8, Class 16, Type 16, Flags 16, Length 16, Data 16"},
	}
}

var fieldName = regexp.MustCompile(`[ {](\w+)=`)

// TestFieldsOfCutHeaders cuts a header after each byte: all fields that were captured are there.
func TestFieldsOfCutHeaders(t *testing.T) {
	for _, c := range cutFields() {
		for n := c.start + 1; n <= len(c.packet); n++ {
			want := []string{"Contents", "Payload"}
			for field := range strings.SplitSeq(c.fields, ", ") {
				var name string
				var size int
				_, err := fmt.Sscanf(field, "%s %d", &name, &size)
				require.NoError(t, err)
				if c.start+size <= n {
					want = append(want, name)
				}
			}
			text := print(format.Options{Level: format.LevelVerbose}, bareTrace(kind{c.layer, c.packet[:n], c.flags}))
			lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return !strings.HasPrefix(l, c.layer+"\t") })
			require.NotEmpty(t, lines, "%s, %d bytes", c.layer, n-c.start)
			var got []string
			for _, match := range fieldName.FindAllStringSubmatch(lines[len(lines)-1], -1) {
				got = append(got, match[1])
			}
			slices.Sort(got)
			slices.Sort(want)
			require.Equal(t, want, slices.Compact(got), "%s, %d bytes", c.layer, n-c.start)
		}
	}
}
