// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/bench/internal/recorded"
)

// event is a payload and what it is, as "type/what".
type event struct {
	name    string
	payload *payload.Payload
}

func sample(name string, data []byte) event {
	return event{name, &payload.Payload{Type: payload.EventSample, CPU: 3, Data: data}}
}

// events returns events of all types and versions.
func events(t testing.TB) []event {
	all := slices.Concat(drops(t), traces(t), packets(t), verdicts(t), captures(t), debugMessages(), traceSocks())
	for _, m := range notifications() {
		all = append(all, sample("agent/"+m.name, m.sample(t)))
	}
	for _, r := range records() {
		data, err := r.record.Append(nil)
		require.NoError(t, err)
		all = append(all, sample("l7/"+r.name, data))
	}
	node, err := recorded.Node()
	require.NoError(t, err)
	for i, pl := range node {
		all = append(all, event{fmt.Sprintf("%s/recorded %d", api.MessageTypeName(int(pl.Data[0])), i), pl})
	}
	return all
}

func drops(t testing.TB) (all []event) {
	tcp4 := packet(t, ether4, ip4(layers.IPProtocolTCP), syn)
	drop := func(what string, packet []byte, change func(*api.DropNotify)) {
		n := api.DropNotify{
			Type: api.MessageTypeDrop, SubType: 133, Source: 12, Hash: 0x1234abcd, OrigLen: 1500, CapLen: uint16(len(packet)),
			Version: 3, SrcLabel: 4711, DstLabel: api.IdentityWorld, DstID: 70000, Line: 42, File: 2, Ifindex: 2,
		}
		change(&n)
		all = append(all, sample("drop/"+what, append(n.Append(nil), packet...)))
	}
	for version := range uint8(4) {
		drop(fmt.Sprint("version ", version), tcp4, func(n *api.DropNotify) { n.Version, n.IPTraceID = version, 77 })
	}
	drop("extended reason", tcp4, func(n *api.DropNotify) { n.SubType, n.ExtError = 140, -5 })
	drop("unknown reason and file", tcp4, func(n *api.DropNotify) { n.SubType, n.ExtError, n.File = 250, 3, 77 })
	drop("L3 device", packet(t, ip6(layers.IPProtocolTCP), syn), func(n *api.DropNotify) { n.Flags = api.FlagL3Device | api.FlagIPv6 })
	drop("VXLAN", packet(t, tunnelled(8472, &layers.VXLAN{ValidIDFlag: true, VNI: 42}, ether4, ip4(layers.IPProtocolTCP), syn)...),
		func(n *api.DropNotify) { n.Flags = api.FlagVXLAN })
	drop("no packet", nil, func(*api.DropNotify) {})
	return all
}

// trace returns a trace of packet.
func trace(what string, packet []byte, change func(*api.TraceNotify)) event {
	n := api.TraceNotify{
		Type: api.MessageTypeTrace, ObsPoint: api.TraceToLxc, Source: 12, Hash: 0x1234abcd, OrigLen: 1500, CapLen: uint16(len(packet)),
		Version: 2, SrcLabel: api.IdentityHost, DstLabel: 4711, DstID: 7, Reason: api.TraceReasonCtEstablished, Ifindex: 2,
		OrigIP: [16]byte{1, 2, 3, 4}, IPTraceID: 99,
	}
	if change != nil {
		change(&n)
	}
	return sample("trace/"+what, append(n.Append(nil), packet...))
}

func traces(t testing.TB) (all []event) {
	udp4 := packet(t, ether4, ip4(layers.IPProtocolUDP), query, data)
	for version := range uint8(3) {
		all = append(all, trace(fmt.Sprint("version ", version), udp4, func(n *api.TraceNotify) { n.Version = version }))
	}
	for point := range uint8(api.TraceToCrypto + 2) {
		all = append(all, trace(api.ObservationPointName(point), udp4, func(n *api.TraceNotify) { n.ObsPoint = point }))
	}
	all = append(all, trace("to-proxy without a port", udp4, func(n *api.TraceNotify) { n.ObsPoint, n.DstID = api.TraceToProxy, 0 }))
	for _, reason := range []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0x82, 0x89} {
		all = append(all, trace(fmt.Sprintf("reason %#x", reason), udp4, func(n *api.TraceNotify) { n.Reason = reason }))
	}
	all = append(all,
		trace("unknown interface", udp4, func(n *api.TraceNotify) { n.Ifindex = 9 }),
		trace("IPv6", packet(t, ether6, ip6(layers.IPProtocolUDP), query, data), func(n *api.TraceNotify) { n.Flags, n.OrigIP = api.FlagIPv6, [16]byte{0xfd, 15: 9} }),
		trace("L3 device", udp4[14:], func(n *api.TraceNotify) { n.Flags = api.FlagL3Device }),
		trace("marked", udp4, func(n *api.TraceNotify) { n.Mark = 0x1f }),
		trace("marked IPv6", packet(t, ether6, ip6(layers.IPProtocolUDP), query, data), func(n *api.TraceNotify) {
			n.Flags, n.OrigIP, n.Mark = api.FlagIPv6, [16]byte{}, 0x1f
		}),
		trace("marked L3 device", udp4[14:], func(n *api.TraceNotify) { n.Flags, n.Mark = api.FlagL3Device, 0x1f }))
	return all
}

// packets returns traces of packets of all kinds.
func packets(t testing.TB) (all []event) {
	echo6, icmp6 := *echo6, ip6(layers.IPProtocolICMPv6)
	require.NoError(t, echo6.SetNetworkLayerForChecksum(icmp6))
	flags := func(f uint8) func(*api.TraceNotify) { return func(n *api.TraceNotify) { n.Flags = f } }
	kind := func(what string, change func(*api.TraceNotify), layers ...gopacket.SerializableLayer) {
		all = append(all, trace(what, packet(t, layers...), change))
	}
	raw := func(protocol layers.IPProtocol, bytes ...byte) []gopacket.SerializableLayer {
		return []gopacket.SerializableLayer{ether4, ip4(protocol), gopacket.Payload(bytes)}
	}
	vlan := *ether4
	vlan.EthernetType = layers.EthernetTypeDot1Q

	kind("SYN", nil, ether4, ip4(layers.IPProtocolTCP), syn)
	kind("ACK, FIN and data", nil, ether4, ip4(layers.IPProtocolTCP), finAck, data)
	kind("SYN over IPv6", flags(api.FlagIPv6), ether6, ip6(layers.IPProtocolTCP), syn)
	kind("UDP", nil, ether4, ip4(layers.IPProtocolUDP), query, data)
	kind("ICMP", nil, ether4, ip4(layers.IPProtocolICMPv4), echo, data)
	kind("ICMPv6", flags(api.FlagIPv6), ether6, icmp6, &echo6, gopacket.Payload{0, 1, 0, 2})
	kind("SCTP", nil, raw(layers.IPProtocolSCTP, 0, 7, 0, 9, 0, 0, 0, 3, 0, 0, 0, 4)...)
	kind("VRRP", nil, raw(layers.IPProtocolVRRP, 0x21, 1, 100, 1, 0, 1, 0, 0, 10, 0, 0, 9)...)
	kind("IGMPv2", nil, raw(layers.IPProtocolIGMP, 0x16, 0, 0, 0, 224, 0, 0, 251)...)
	kind("IGMPv3", nil, raw(layers.IPProtocolIGMP, 0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 224, 0, 0, 251)...)
	kind("GRE", nil, raw(layers.IPProtocolGRE, 0, 0, 8, 0, 1, 2, 3, 4)...)
	kind("VLAN", nil, &vlan, &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolUDP), query, data)
	kind("VXLAN", flags(api.FlagVXLAN), tunnelled(8472, &layers.VXLAN{ValidIDFlag: true, VNI: 42}, ether4, ip4(layers.IPProtocolTCP), finAck, data)...)
	kind("VXLAN with IPv6", flags(api.FlagVXLAN), tunnelled(8472, &layers.VXLAN{ValidIDFlag: true, VNI: 42}, ether6, ip6(layers.IPProtocolUDP), query, data)...)
	kind("VXLAN without its flag", nil, tunnelled(8472, &layers.VXLAN{ValidIDFlag: true, VNI: 42}, ether4, ip4(layers.IPProtocolTCP), syn)...)
	kind("Geneve", flags(api.FlagGeneve), tunnelled(6081, &layers.Geneve{Protocol: layers.EthernetTypeTransparentEthernetBridging, VNI: 42}, ether4, ip4(layers.IPProtocolICMPv4), echo, data)...)

	tcp := packet(t, ether4, ip4(layers.IPProtocolTCP), syn)
	padded := trace("padding", packet(t, ether4, ip4(layers.IPProtocolTCP), finAck, data), nil)
	padded.payload.Data = append(padded.payload.Data, 1, 2, 3)
	return append(all, padded,
		trace("IPv4 header cut short", tcp[:14+10], nil),
		trace("TCP header cut short", tcp[:14+20+16], nil),
		trace("Ethernet header cut short", tcp[:7], nil),
		trace("no packet", nil, nil))
}

func verdicts(t testing.TB) (all []event) {
	tcp4 := packet(t, ether4, ip4(layers.IPProtocolTCP), syn)
	for _, c := range []struct {
		what    string
		packet  []byte
		verdict int32
		flags   uint8
	}{
		{"deny", tcp4, -133, api.PolicyIngress},
		{"allow", tcp4, 0, api.PolicyEgress | api.PolicyMatchL3L4<<3},
		{"redirect", tcp4, 10000, api.PolicyIngress | api.PolicyMatchAll<<3},
		{"audit", tcp4, 0, api.PolicyIngress | api.PolicyVerdictFlagAudited},
		{"L3 device", tcp4[14:], 0, api.PolicyIngress | api.PolicyVerdictFlagL3Device},
		{"IPv6", packet(t, ip6(layers.IPProtocolTCP), syn), 0, api.PolicyEgress | api.PolicyVerdictFlagL3Device | api.PolicyVerdictFlagIPv6},
	} {
		n := api.PolicyVerdictNotify{
			Type: api.MessageTypePolicyVerdict, Source: 12, Hash: 0x1234abcd, OrigLen: 1500, CapLen: uint16(len(c.packet)),
			RemoteLabel: api.IdentityWorld, Verdict: c.verdict, DstPort: 80, Proto: 6, Flags: c.flags, AuthType: 1, Cookie: 0xc0,
		}
		all = append(all, sample("policy-verdict/"+c.what, append(n.Append(nil), c.packet...)))
		n.Ifindex = 2
		all = append(all, sample("policy-verdict/"+c.what+" on an interface", append(n.Append(nil), c.packet...)))
	}
	return all
}

func captures(t testing.TB) (all []event) {
	udp4 := packet(t, ether4, ip4(layers.IPProtocolUDP), query, data)
	for subType := range uint8(api.CaptureSNATPost + 2) {
		if 0 < subType && subType < api.CaptureDelivery {
			continue // not in use
		}
		n := api.DebugCapture{
			Type: api.MessageTypeCapture, SubType: subType, Source: 12, Hash: 0x1234abcd, OrigLen: uint32(len(udp4)), CapLen: uint16(len(udp4)), Arg1: 2,
		}
		all = append(all, sample("capture/"+api.CaptureName(subType), append(n.Append(nil), udp4...)))
	}
	n := api.DebugCapture{Type: api.MessageTypeCapture, SubType: api.CaptureDelivery, OrigLen: 1500, CapLen: 40, Arg1: 2}
	return append(all, sample("capture/a part", append(n.Append(nil), udp4[:40]...)))
}

func debugMessages() (all []event) {
	for subType := range uint8(api.DebugLB6LoopbackSNATRev + 2) {
		n := api.DebugMsg{Type: api.MessageTypeDebug, SubType: subType, Source: 12, Hash: 0x1234abcd, Arg1: 0x0100000a, Arg2: 0xc811, Arg3: 0x50000006}
		all = append(all, sample("debug/"+api.DebugName(subType), n.Append(nil)))
	}
	return all
}

func traceSocks() (all []event) {
	for point := range uint8(api.XlatePointPostRev + 1) {
		n := api.TraceSockNotify{
			Type: api.MessageTypeTraceSock, XlatePoint: point, L4Proto: api.TraceSockTCP,
			DstPort: 443, SockCookie: 0xc00c1e, CgroupID: 4660, DstIP: [16]byte{10, 96, 0, 1},
		}
		all = append(all, sample("trace-sock/"+api.XlatePointName(point), n.Append(nil)))
	}
	n := api.TraceSockNotify{Type: api.MessageTypeTraceSock, L4Proto: api.TraceSockUDP, Flags: api.TraceSockFlagIPv6, DstIP: [16]byte{0xfd, 15: 1}}
	return append(all, sample("trace-sock/IPv6", n.Append(nil)))
}
