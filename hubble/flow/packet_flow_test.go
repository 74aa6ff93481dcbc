// SPDX-License-Identifier: Apache-2.0

package flow_test

import (
	"net"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

func trace(packet []byte, change func(*api.TraceNotify)) []byte {
	n := api.TraceNotify{
		Type: api.MessageTypeTrace, ObsPoint: api.TraceFromLxc, Source: 12, CapLen: uint16(len(packet)), Version: 1, SrcLabel: network, Ifindex: 7,
	}
	change(&n)
	return append(n.Append(nil), packet...)
}

// TestTrace checks what a trace says of the connection: which way it goes, whether this is a reply, and from where it was before
// it was translated.
func TestTrace(t *testing.T) {
	whole := packet(t, ethernet, ipv4, syn)
	for _, c := range []struct {
		reason    uint8
		source    uint16
		origIP    [16]byte
		direction flowpb.TrafficDirection
		isReply   string
		is        flowpb.TraceReason
	}{
		{api.TraceReasonPolicy, 12, [16]byte{}, flowpb.TrafficDirection_EGRESS, "false", flowpb.TraceReason_NEW},
		{api.TraceReasonCtReply, 12, [16]byte{}, flowpb.TrafficDirection_INGRESS, "true", flowpb.TraceReason_REPLY},
		{api.TraceReasonCtEstablished, 13, [16]byte{}, flowpb.TrafficDirection_INGRESS, "false", flowpb.TraceReason_ESTABLISHED},
		{api.TraceReasonCtReply, 12, [16]byte{192, 0, 2, 1}, flowpb.TrafficDirection_INGRESS, "true", flowpb.TraceReason_REPLY},
		{api.TraceReasonUnknown, 12, [16]byte{}, flowpb.TrafficDirection_TRAFFIC_DIRECTION_UNKNOWN, "<nil>", flowpb.TraceReason_TRACE_REASON_UNKNOWN},
		{api.TraceReasonSRv6Encap, 12, [16]byte{}, flowpb.TrafficDirection_EGRESS, "<nil>", flowpb.TraceReason_SRV6_ENCAP},
	} {
		f := decode(t, trace(whole, func(n *api.TraceNotify) { n.Reason, n.Source, n.OrigIP = c.reason, c.source, c.origIP }))
		reply := "<nil>"
		if r := f.GetIsReply(); r != nil {
			reply = map[bool]string{true: "true", false: "false"}[r.GetValue()]
		}
		require.Equal(t, c.isReply, reply, c)
		require.Equal(t, c.is, f.GetTraceReason(), c)
		require.Equal(t, flowpb.TraceObservationPoint_FROM_ENDPOINT, f.GetTraceObservationPoint())
		if c.origIP == ([16]byte{}) {
			require.Equal(t, c.direction, f.GetTrafficDirection(), c)
			require.Equal(t, "10.0.0.1", f.GetIP().GetSource())
			require.Empty(t, f.GetIP().GetSourceXlated())
			continue
		}
		require.Equal(t, flowpb.TrafficDirection_EGRESS, f.GetTrafficDirection(), "it was translated on its way out")
		require.Equal(t, "192.0.2.1", f.GetIP().GetSource())
		require.Equal(t, "10.0.0.1", f.GetIP().GetSourceXlated())
		require.Equal(t, []string{"cidr:10.0.0.0/24", "reserved:world"}, f.GetSource().GetLabels(), "of networks the smallest")
	}
	f := decode(t, trace(whole, func(n *api.TraceNotify) {
		n.ObsPoint, n.DstID, n.Reason = api.TraceToProxy, 1234, api.TraceReasonEncryptMask
	}))
	require.EqualValues(t, 1234, f.GetProxyPort())
	require.True(t, f.GetIP().GetEncrypted())
	f = decode(t, trace(whole, func(n *api.TraceNotify) { n.ObsPoint = api.TraceToLxc }))
	require.Equal(t, flowpb.TraceObservationPoint_TO_ENDPOINT, f.GetTraceObservationPoint())
}

func TestVerdicts(t *testing.T) {
	whole := packet(t, ethernet, ipv4, syn)
	for _, c := range []struct {
		verdict int32
		flags   uint8
		want    flowpb.Verdict
	}{
		{-181, api.PolicyEgress, flowpb.Verdict_DROPPED},
		{0, api.PolicyEgress, flowpb.Verdict_FORWARDED},
		{0, api.PolicyEgress | api.PolicyVerdictFlagAudited, flowpb.Verdict_AUDIT},
		{10000, api.PolicyIngress, flowpb.Verdict_REDIRECTED},
	} {
		n := api.PolicyVerdictNotify{
			Type: api.MessageTypePolicyVerdict, CapLen: uint16(len(whole)), Verdict: c.verdict, Flags: c.flags, RemoteLabel: 6000, AuthType: 1, Ifindex: 7,
		}
		f := decode(t, append(n.Append(nil), whole...))
		require.Equal(t, c.want, f.GetVerdict())
		require.Equal(t, flowpb.AuthType_SPIRE, f.GetAuthType())
		require.EqualValues(t, 7, f.GetInterface().GetIndex())
		require.Nil(t, f.GetEgressDeniedBy(), "a verdict without a cookie is of no rule")
		ingress := c.flags&api.PolicyIngress != 0
		require.Equal(t, ingress, f.GetTrafficDirection() == flowpb.TrafficDirection_INGRESS)
		require.Equal(t, ingress, f.GetSource().GetIdentity() == 6000)
		require.Equal(t, !ingress, f.GetDestination().GetIdentity() == 6000)
	}
}

// TestPackets checks what is said of packets of all kinds.
func TestPackets(t *testing.T) {
	ethernet6 := *ethernet
	ethernet6.EthernetType = layers.EthernetTypeIPv6
	ipv6 := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolUDP, SrcIP: net.ParseIP("fd00::1"), DstIP: net.ParseIP("fd00::2")}
	udp := &layers.UDP{SrcPort: 40000, DstPort: 8472}
	udp4 := *ipv4
	udp4.Protocol = layers.IPProtocolUDP
	tso := packet(t, ethernet, ipv4, syn)
	tso[14+2], tso[14+3] = 0, 0 // the length that a device will set
	fragment6 := packet(t, &ethernet6, &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolIPv6Fragment, SrcIP: ipv6.SrcIP, DstIP: ipv6.DstIP},
		gopacket.Payload{17, 0, 0, 1, 0, 0, 0, 9}, udp)
	cut := packet(t, ethernet, &udp4, udp, gopacket.Payload{8, 0, 0, 0, 0, 0, 42, 0, 1, 2, 3})
	cut[14+20+5] = 8 + 4 // the datagram ends within the header of the tunnel
	for _, c := range []struct {
		what    string
		packet  []byte
		flags   uint8
		summary string
		udp     bool
	}{
		{"IPv6", packet(t, &ethernet6, ipv6, udp), api.FlagIPv6, "UDP", true},
		{"the first fragment of IPv6", fragment6, api.FlagIPv6, "UDP", true},
		{"a length of 0", tso, 0, "TCP Flags: SYN", false},
		{"VXLAN", packet(t, ethernet, &udp4, udp, &layers.VXLAN{ValidIDFlag: true, VNI: 42}, ethernet, ipv4, syn), api.FlagVXLAN, "TCP Flags: SYN", false},
		{"a tunnel that ends early", cut, api.FlagVXLAN, "UDP [cut]", true},
		{"no tunnel", tso, api.FlagVXLAN, "TCP Flags: SYN", false},
	} {
		f := decode(t, trace(c.packet, func(n *api.TraceNotify) { n.Flags = c.flags }))
		require.Equal(t, c.summary, f.GetSummary(), c.what)
		require.Equal(t, c.udp, f.GetL4().GetUDP().GetDestinationPort() == 8472, c.what)
		if c.what == "VXLAN" {
			require.EqualValues(t, 42, f.GetTunnel().GetVni())
			require.EqualValues(t, 8472, f.GetTunnel().GetL4().GetUDP().GetDestinationPort())
		} else {
			require.Nil(t, f.GetTunnel(), c.what)
		}
	}
}
