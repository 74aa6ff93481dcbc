// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
)

type named struct {
	name    string
	payload *payload.Payload
}

// group is a directory of golden files: the same payloads in several formats.
type group struct {
	name     string
	formats  []string
	payloads []named
}

func groups(t testing.TB) []group {
	return []group{
		{"drop", []string{"default", "debug", "verbose", "hex", "json", "cilium", "cilium-verbose"}, []named{
			{"v0", drop(synPacket, func(n *api.DropNotify) { n.Version = 0 })},
			{"v1", drop(synPacket, func(n *api.DropNotify) { n.Version = 1 })},
			{"v2", drop(synPacket, func(n *api.DropNotify) { n.Version = 2 })},
			{"v3", drop(synPacket, func(n *api.DropNotify) { n.IPTraceID = 77 })},
			{"extended error", drop(udpPacket, func(n *api.DropNotify) { n.SubType, n.ExtError = 140, -5 })},
			{"unknown reason and file, no endpoint, no interface", drop(udpPacket, func(n *api.DropNotify) {
				n.SubType, n.ExtError, n.File, n.DstID, n.Ifindex = 250, 3, 77, 0, 0
			})},
			{"L3 device, IPv6", drop(tcp6Packet[14:], func(n *api.DropNotify) { n.Flags = api.FlagL3Device | api.FlagIPv6 })},
			{"VXLAN", drop(vxlanPacket, func(n *api.DropNotify) { n.Flags = api.FlagVXLAN })},
			{"no packet", drop(nil)},
		}},
		{"trace", []string{"default", "debug", "verbose", "hex", "json", "cilium", "cilium-verbose"}, append([]named{
			{"v0", trace(tcpPacket, func(n *api.TraceNotify) { n.Version = 0 })},
			{"v1", trace(tcpPacket, func(n *api.TraceNotify) { n.Version = 1 })},
			{"v2", trace(tcpPacket, func(n *api.TraceNotify) { n.IPTraceID = 99 })},
			{"encrypted", trace(tcpPacket, func(n *api.TraceNotify) { n.ObsPoint, n.Reason = api.TraceToStack, 0x80 })},
			{"IPv6", trace(tcp6Packet, func(n *api.TraceNotify) { n.Flags, n.OrigIP = api.FlagIPv6, [16]byte{0xfd, 15: 9} })},
			{"L3 device", trace(udpPacket[14:], func(n *api.TraceNotify) { n.Flags = api.FlagL3Device })},
			{"mark", trace(udpPacket, func(n *api.TraceNotify) { n.ObsPoint, n.Mark = api.TraceToNetwork, 0x1f })},
			{"mark, IPv6", trace(tcp6Packet, func(n *api.TraceNotify) {
				n.ObsPoint, n.Flags, n.OrigIP, n.Mark = api.TraceFromNetwork, api.FlagIPv6, [16]byte{}, 0xca6c
			})},
			{"padding", sample(append(trace(udpPacket).Data, 1, 2, 3))},
		}, observationPoints()...)},
		{"packets", []string{"default", "verbose", "json", "cilium", "cilium-verbose"}, packets()},
		{"kinds", []string{"default", "verbose", "json"}, kindPayloads()},
		{"policy-verdict", []string{"default", "debug", "verbose", "json", "cilium"}, []named{
			{"deny", verdict(synPacket)},
			{"deny on an interface", verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Source, n.Ifindex = 0, 2 })},
			{"deny on an interface without a name, in a VLAN", verdict(ethernet(0x8100, vlan(5, etherIPv4, synPacket[14:])), func(n *api.PolicyVerdictNotify) { n.Ifindex = 9 })},
			{"allow", verdict(synPacket, func(n *api.PolicyVerdictNotify) {
				n.Verdict, n.Flags = 0, api.PolicyEgress|api.PolicyMatchL3L4<<3
			})},
			{"redirect", verdict(synPacket, func(n *api.PolicyVerdictNotify) {
				n.Verdict, n.Flags, n.AuthType = 10000, api.PolicyIngress|api.PolicyMatchAll<<3, api.AuthTypeSpire
			})},
			{"audit", verdict(synPacket, func(n *api.PolicyVerdictNotify) {
				n.Verdict, n.Flags = 0, api.PolicyIngress|api.PolicyVerdictFlagAudited
			})},
			{"L3 device, IPv6", verdict(tcp6Packet[14:], func(n *api.PolicyVerdictNotify) {
				n.Flags = api.PolicyIngress | api.PolicyVerdictFlagL3Device | api.PolicyVerdictFlagIPv6
			})},
		}},
		{"capture", []string{"default", "debug", "verbose", "hex", "json", "cilium", "cilium-verbose"}, []named{
			{"delivery", capture(api.CaptureDelivery, 2, udpPacket)},
			{"from load balancer", capture(api.CaptureFromLB, 2, udpPacket)},
			{"IPv4 to IPv6", capture(api.CaptureAfterV46, 2, udpPacket)},
			{"IPv6 to IPv4", capture(api.CaptureAfterV64, 2, udpPacket)},
			{"before proxy", capture(api.CaptureProxyPre, 0x5000, udpPacket)},
			{"to proxy", capture(api.CaptureProxyPost, 0x5000, udpPacket)},
			{"before SNAT", capture(api.CaptureSNATPre, 2, udpPacket)},
			{"after SNAT", capture(api.CaptureSNATPost, 9, udpPacket)},
			{"unknown", capture(99, 0xff, udpPacket)},
		}},
		{"debug", []string{"debug", "json", "cilium"}, debugMessages()},
		{"trace-sock", []string{"debug", "json", "cilium"}, []named{
			{"IPv4", traceSock()},
			{"IPv6", traceSock(func(n *api.TraceSockNotify) {
				n.XlatePoint, n.L4Proto, n.Flags, n.DstIP = api.XlatePointPostRev, api.TraceSockUDP, api.TraceSockFlagIPv6, [16]byte{0xfd, 15: 1}
			})},
			{"unknown", traceSock(func(n *api.TraceSockNotify) { n.XlatePoint, n.L4Proto = 9, 9 })},
		}},
		{"kernel-drop", []string{"default", "debug", "verbose", "json", "cilium"}, []named{
			{"closed port", kernelDrop(udpPacket)},
			{"on the way out, with process, cgroup and mark", kernelDrop(synPacket, func(n *api.KernelDropNotify) {
				n.Reason, n.ReasonName, n.Function, n.Offset, n.Direction = 12, "NETFILTER_DROP", "nf_hook_slow", 0xb7, api.KernelDropEgress
				n.PID, n.Process, n.CgroupID, n.Mark = 4711, "curl", 99, 0xf00
			})},
			{"after others that left no event", kernelDrop(udpPacket, func(n *api.KernelDropNotify) { n.Limited = 123456 })},
			{"in another network namespace", kernelDrop(udpPacket, func(n *api.KernelDropNotify) {
				n.NetNS, n.Device, n.Flags = 4026532287, "veth0", api.FlagOtherNetNS
			})},
			{"in another network namespace, device not known any more", kernelDrop(udpPacket, func(n *api.KernelDropNotify) {
				n.NetNS, n.Device, n.Flags = 4026532287, "", api.FlagOtherNetNS
			})},
			{"in a network namespace that is not known", kernelDrop(udpPacket, func(n *api.KernelDropNotify) {
				n.NetNS, n.Device, n.Flags = 0, "", api.FlagOtherNetNS
			})},
			{"device not known any more", kernelDrop(udpPacket, func(n *api.KernelDropNotify) { n.Device = "" })},
			{"no device", kernelDrop(udpPacket[14:], func(n *api.KernelDropNotify) {
				n.Device, n.Ifindex, n.NetNS, n.Flags = "", 0, 0, api.FlagL3Device
			})},
			{"kernel without reasons", kernelDrop(udpPacket, func(n *api.KernelDropNotify) { n.Reason, n.ReasonName = 0, "" })},
			{"no reason, but a function that is explained", kernelDrop(udpPacket, func(n *api.KernelDropNotify) {
				n.Reason, n.ReasonName, n.Function = 2, "NOT_SPECIFIED", "ip_error"
			})},
			{"reason without name, function without name", kernelDrop(udpPacket, func(n *api.KernelDropNotify) {
				n.Reason, n.ReasonName, n.Function, n.Offset, n.Direction = 0x30001, "", "", 0, 9
			})},
			{"IPv6", kernelDrop(tcp6Packet, func(n *api.KernelDropNotify) { n.Flags, n.Protocol = api.FlagIPv6, etherIPv6 })},
			{"texts that drive a terminal", kernelDrop(udpPacket, func(n *api.KernelDropNotify) {
				n.Device, n.ReasonName, n.Function, n.Process, n.PID = "a\x1bb", "c\nd", "e\x1b[2J", "f\"", 1
			})},
			{"no packet", kernelDrop(nil)},
		}},
		{"agent", []string{"default", "json", "cilium"}, []named{
			{"start", agent(api.AgentNotifyStart, `{"time":"2026-01-02T03:04:05.000000006Z"}`)},
			{"endpoint", agent(api.AgentNotifyEndpointCreated, `{"id":7,"labels":["k8s:app=web"],"pod-name":"web-0","namespace":"default"}`)},
			{"service", agent(api.AgentNotifyServiceUpserted, `{"id":7,"frontend-address":"10.96.0.1:80"}`)},
			{"unknown type", agent(99, `{}`)},
			{"not JSON", agent(api.AgentNotifyGeneric, "two lines\nand \x1b[2J an escape sequence")},
			{"JSON on two lines", agent(api.AgentNotifyGeneric, "{\n\"a\": 1}")},
		}},
		{"l7", []string{"default", "debug", "json", "cilium"}, records(t)},
		{"wrong", []string{"default", "verbose", "json", "cilium"}, []named{
			{"lost by the datapath", lost(5, 1)},
			{"lost by this client", lost(1234, payload.CPULostByReader)},
			{"suppressed", rateLimited(999, api.MessageTypeTrace)},
			{"empty", sample(nil)},
			{"truncated header", sample([]byte{api.MessageTypeDrop, 133})},
			{"truncated packet", sample(trace(udpPacket).Data[:80])},
			{"oversized", sample(append(trace(udpPacket).Data, make([]byte, 64)...))},
			{"newer version", drop(udpPacket, func(n *api.DropNotify) { n.Version = 9 })},
			{"unknown extension", trace(udpPacket, func(n *api.TraceNotify) { n.ExtVersion = 3 })},
			{"unknown type", sample([]byte{6, 1, 2, 3})},
			{"no gob in an agent notification", sample([]byte{api.MessageTypeAgent, 'x'})},
			{"no gob in an access log record", sample([]byte{api.MessageTypeAccessLog, 'x'})},
			{"unknown payload type", &payload.Payload{Type: 3, CPU: 1, Lost: 5}},
		}},
		{"options", []string{"numeric", "color", "color-verbose", "time", "rfc3339", "timestamps-json"}, []named{
			{"drop", drop(synPacket)},
			{"trace", trace(tcpPacket)},
			{"deny", verdict(synPacket)},
			{"audit", verdict(synPacket, func(n *api.PolicyVerdictNotify) { n.Flags |= api.PolicyVerdictFlagAudited })},
			{"debug", debug(api.DebugInheritIdentity, 2, 0, 0)},
			{"l7", records(t)[1].payload},
			{"lost", lost(5, 1)},
			{"lost by this client", lost(5, payload.CPULostByReader)},
			{"suppressed", rateLimited(5, 99)},
			{"wrong", sample([]byte{api.MessageTypeTrace})},
		}},
	}
}

func observationPoints() []named {
	var all []named
	for point := range uint8(api.TraceToCrypto + 2) {
		all = append(all, named{api.ObservationPointName(point), trace(udpPacket, func(n *api.TraceNotify) { n.ObsPoint = point })})
	}
	return append(all, named{"to-proxy without port", trace(udpPacket, func(n *api.TraceNotify) { n.ObsPoint, n.DstID = api.TraceToProxy, 0 })})
}

func packets() []named {
	tunnel := func(packet []byte, flag uint8) *payload.Payload {
		return trace(packet, func(n *api.TraceNotify) { n.Flags = flag })
	}
	return []named{
		{"TCP without flags", trace(ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0, nil, nil))))},
		{"TCP with all flags", trace(ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", tcp(1, 2, 0xff, nil, nil))))},
		{"TCP with options", trace(synPacket)},
		{"TCP over IPv6", trace(tcp6Packet)},
		{"IPv4-mapped IPv6 addresses", trace(ethernet(etherIPv6, ipv6(ipUDP, "::ffff:10.0.0.1", "::ffff:10.0.0.2", udp(1, 2, nil))))},
		{"UDP", trace(udpPacket)},
		{"SCTP", trace(sctpPacket)},
		{"ICMP", trace(icmpPacket)},
		{"ICMP unreachable", trace(ethernet(etherIPv4, ipv4(ipICMP, "10.0.0.1", "10.0.0.2", append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, udpPacket[14:]...))))},
		{"ICMPv6", trace(icmp6Packet)},
		{"ICMPv6 behind hop-by-hop options", trace(ethernet(etherIPv6, ipv6(0, "fe80::1", "ff02::16", []byte{ipICMPv6, 0, 5, 2, 0, 0, 1, 0, 143, 0, 0, 0, 0, 0, 0, 0})))},
		{"UDP behind a destination option", trace(ethernet(etherIPv6, ipv6(60, "fd00::1", "fd00::2", append([]byte{ipUDP, 0, 1, 4, 0, 0, 0, 0}, udp(1, 2, nil)...))))},
		{"IPv6 fragment", trace(ethernet(etherIPv6, ipv6(44, "fd00::1", "fd00::2", []byte{ipUDP, 0, 0, 9, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8})))},
		{"IPv4 options", trace(ethernet(etherIPv4, ipv4Options(ipUDP, "10.0.0.1", "10.0.0.2", []byte{0x94, 4, 0, 0}, udp(1, 2, nil))))},
		{"VRRP", trace(vrrpPacket)},
		{"IGMP version 2", trace(igmp2Packet)},
		{"IGMP version 3", trace(igmp3Packet)},
		{"GRE", trace(grePacket)},
		{"ARP", trace(arpPacket)},
		{"unknown EtherType", trace(ethernet(0x88b5, []byte{1, 2, 3}))},
		{"VXLAN", tunnel(vxlanPacket, api.FlagVXLAN)},
		{"VXLAN that is not flagged", trace(vxlanPacket)},
		{"flagged as VXLAN, but TCP", tunnel(tcpPacket, api.FlagVXLAN)},
		{"flagged as VXLAN, but too short", tunnel(udpPacket, api.FlagVXLAN)},
		{"VXLAN with a part of an Ethernet header", tunnel(vxlanPacket[:14+20+8+8+5], api.FlagVXLAN)},
		{"Geneve with options", tunnel(genevePacket, api.FlagGeneve)},
		{"Geneve with as many options as fit", tunnel(geneveFullPacket, api.FlagGeneve)},
		{"Geneve with IP", tunnel(geneveIPPacket, api.FlagGeneve)},
		{"TCP options cut short", trace(synPacket[:14+20+30])},
		{"TCP header cut short before the flags", trace(tcpPacket[:14+20+10])},
		{"TCP header cut short before the ports", trace(tcpPacket[:14+20+3])},
		{"TCP header with a wrong length", trace(ethernet(etherIPv4, ipv4(ipTCP, "10.0.0.1", "10.0.0.2", []byte{0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x10, synFlag, 0, 0, 0, 0, 0, 0})))},
		{"UDP header cut short behind IPv6", trace(ethernet(etherIPv6, ipv6(ipUDP, "fd00::1", "fd00::2", []byte{0, 1, 0, 2, 0})))},
		{"IPv4 header cut short", trace(tcpPacket[:14+10])},
		{"Ethernet header cut short", trace(tcpPacket[:7])},
		{"nothing", trace(nil)},
	}
}

func kindPayloads() []named {
	var all []named
	for _, k := range kinds {
		all = append(all, named{k.name, k.payload()})
	}
	return all
}

func debugMessages() []named {
	var all []named
	for subType := range uint8(api.DebugLB6LoopbackSNATRev + 2) {
		arg1, arg2, arg3 := uint32(0x0100000a), uint32(0x0200000a), uint32(0x00501f90)
		switch subType {
		case api.DebugCTLookup, api.DebugCTLookupRev, api.DebugCTCreated:
			arg1, arg2 = 34567<<16|80, ipTCP<<8|1
		case api.DebugCTLookup4Part2, api.DebugCTLookup6Part2:
			arg1, arg2, arg3 = ipUDP<<8|3, 1, 2
		case api.DebugCTVerdict:
			arg1 = 133
		case api.DebugErrorRet:
			arg1, arg2 = 7, 0xffffffea
		case api.DebugL4Policy:
			arg1, arg2 = 0x5000, api.PolicyIngress
		case api.DebugSKAssign:
			arg1 = 1
		case api.DebugPolicyDenied, api.DebugL4Create:
			arg1, arg2 = 4711, 2
		}
		all = append(all, named{api.DebugName(subType), debug(subType, arg1, arg2, arg3)})
	}
	return append(all,
		named{"ct-verdict established", debug(api.DebugCTVerdict, 1, 0, 0)},
		named{"ct-verdict out of range", debug(api.DebugCTVerdict, 70000, 0, 0)},
		named{"ct-lookup, no flags, unknown protocol", debug(api.DebugCTLookup, 0, 200<<8, 0)},
		named{"sk-assign success", debug(api.DebugSKAssign, 0, 0, 0)},
	)
}

func records(t testing.TB) []named {
	u, err := url.Parse("http://user:secret@example.com/path?q=1")
	require.NoError(t, err)
	record := func(change func(*accesslog.LogRecord)) *payload.Payload {
		r := accesslog.LogRecord{
			Type: accesslog.TypeRequest, ObservationPoint: accesslog.Ingress, Verdict: accesslog.VerdictForwarded,
			SourceEndpoint:      accesslog.EndpointInfo{ID: 12, IPv4: "10.0.0.1", Port: 34567, Identity: 4711, Labels: []accesslog.Label{{Key: "app", Value: "web", Source: "k8s"}, {Key: "x", Source: "k8s"}}},
			DestinationEndpoint: accesslog.EndpointInfo{ID: 34, IPv4: "10.0.0.2", Port: 80, Identity: 2},
			TransportProtocol:   ipTCP,
		}
		change(&r)
		data, err := r.Append(nil)
		require.NoError(t, err)
		return sample(data)
	}
	return []named{
		{"HTTP request", record(func(r *accesslog.LogRecord) {
			r.HTTP = &accesslog.LogRecordHTTP{Method: "GET", URL: u, Protocol: "HTTP/1.1", Headers: http.Header{"X-A": {"b"}}}
		})},
		{"HTTP response", record(func(r *accesslog.LogRecord) {
			r.Type, r.Verdict, r.Info = accesslog.TypeResponse, accesslog.VerdictDenied, "no rule allows it"
			r.HTTP = &accesslog.LogRecordHTTP{Code: 403, Method: "GET\x1b[2J", Protocol: "HTTP/1.1"}
		})},
		{"DNS request", record(func(r *accesslog.LogRecord) {
			r.ObservationPoint = accesslog.Egress
			r.DNS = &accesslog.LogRecordDNS{Query: "example.com.", ObservationSource: "proxy", QTypes: []uint16{1, 28, 65280}}
		})},
		{"DNS response", record(func(r *accesslog.LogRecord) {
			r.Type, r.ObservationPoint = accesslog.TypeResponse, accesslog.Egress
			r.DNS = &accesslog.LogRecordDNS{
				Query: "www.example.com.", ObservationSource: "proxy", QTypes: []uint16{1}, AnswerTypes: []uint16{5, 1}, TTL: 30,
				IPs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, CNAMEs: []string{"a.example.com.", "b.example.com."},
			}
		})},
		{"DNS error", record(func(r *accesslog.LogRecord) {
			r.Type = accesslog.TypeResponse
			r.DNS = &accesslog.LogRecordDNS{Query: "nowhere.example.com.", ObservationSource: "proxy", QTypes: []uint16{1}, RCode: 3}
		})},
		{"other protocol", record(func(r *accesslog.LogRecord) {
			r.Type, r.Verdict = accesslog.TypeSample, accesslog.VerdictError
			r.L7 = &accesslog.LogRecordL7{Proto: "r2d2", Fields: map[string]string{"file": "x", "cmd": "READ"}}
		})},
		{"Kafka request", record(func(r *accesslog.LogRecord) {
			r.Verdict = accesslog.VerdictDenied
			r.Kafka = &accesslog.LogRecordKafka{ErrorCode: 29, APIVersion: 2, APIKey: "produce\n", CorrelationID: 7, Topic: accesslog.KafkaTopic{Topic: "empire-announce"}}
		})},
		{"nothing but endpoints", record(func(r *accesslog.LogRecord) { r.ObservationPoint = "" })},
	}
}
