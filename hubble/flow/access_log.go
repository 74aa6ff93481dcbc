// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

// accessLog makes the flow of an access log record.
func (d *Decoder) accessLog(e agent.Event) (proto.Message, error) {
	var r accesslog.LogRecord
	if err := r.Decode(e.Data); err != nil {
		return nil, err
	}
	b := new(block)
	f := d.begin(b, e)
	var t text
	t.uuid(&f.Uuid, uuidOf(e))
	t.set()
	f.Type = flowpb.FlowType_L7
	f.Verdict = recordVerdict(r.Verdict)
	b.eventType.Type = api.MessageTypeAccessLog
	b.reply(r.Type == accesslog.TypeResponse)
	f.TrafficDirection = recordDirection(r.ObservationPoint)

	src, dst := recordSide(b, r.IPVersion, &r.SourceEndpoint), recordSide(b, r.IPVersion, &r.DestinationEndpoint)
	b.ip.Source, b.ip.Destination = src.ip, dst.ip
	if b.ip.IpVersion != flowpb.IPVersion_IP_NOT_USED {
		f.IP = &b.ip
	}
	f.L4 = recordLayer4(&r)
	d.recordEndpoint(&b.source, src.addr, &r.SourceEndpoint)
	d.recordEndpoint(&b.destination, dst.addr, &r.DestinationEndpoint)
	d.names(f, src.addr, dst.addr)
	if f.L4 == nil { // so it has no ports
		r.SourceEndpoint.Port, r.DestinationEndpoint.Port = 0, 0
	}
	d.services(f, netip.AddrPortFrom(src.addr, r.SourceEndpoint.Port), netip.AddrPortFrom(dst.addr, r.DestinationEndpoint.Port))

	f.L7 = layer7(&r)
	var latency time.Duration
	latency, f.TraceContext = d.requests.follow(&r)
	f.L7.LatencyNs = uint64(latency)
	f.Summary = recordSummary(&r, latency)
	return f, nil
}

// side is the address of one side of a record.
type side struct {
	ip   string
	addr netip.Addr // not valid if ip is none
}

func recordSide(b *block, version accesslog.IPVersion, ep *accesslog.EndpointInfo) side {
	var ip string
	switch version {
	case accesslog.VersionIPv4:
		ip, b.ip.IpVersion = ep.IPv4, flowpb.IPVersion_IPv4
	case accesslog.VersionIPv6:
		ip, b.ip.IpVersion = ep.IPv6, flowpb.IPVersion_IPv6
	}
	addr, _ := netip.ParseAddr(ip)
	return side{ip, addr}
}

// recordEndpoint sets one side of a record, which knows more than the datapath.
func (d *Decoder) recordEndpoint(m *flowpb.Endpoint, addr netip.Addr, ep *accesslog.EndpointInfo) {
	m.ID, m.Identity = uint32(ep.ID), uint32(ep.Identity)
	for _, l := range ep.Labels {
		label := l.Source + ":" + l.Key
		if l.Value != "" {
			label += "=" + l.Value
		}
		m.Labels = append(m.Labels, label)
		if l.Key == clusterLabel && l.Source == "k8s" {
			m.ClusterName = l.Value
		}
	}
	slices.Sort(m.Labels)
	if d.opts.Getters.Endpoints == nil {
		return
	}
	if known, ok := d.opts.Getters.Endpoints.EndpointByIP(addr); ok {
		m.Namespace, m.PodName = known.Namespace, known.Pod
		for _, w := range known.Workloads {
			m.Workloads = append(m.Workloads, &flowpb.Workload{Name: w.Name, Kind: w.Kind})
		}
	}
}

func recordVerdict(v accesslog.FlowVerdict) flowpb.Verdict {
	switch v {
	case accesslog.VerdictDenied:
		return flowpb.Verdict_DROPPED
	case accesslog.VerdictForwarded:
		return flowpb.Verdict_FORWARDED
	case accesslog.VerdictRedirected:
		return flowpb.Verdict_REDIRECTED
	case accesslog.VerdictError:
		return flowpb.Verdict_ERROR
	default:
		return flowpb.Verdict_VERDICT_UNKNOWN
	}
}

func recordDirection(point accesslog.ObservationPoint) flowpb.TrafficDirection {
	switch point {
	case accesslog.Ingress:
		return flowpb.TrafficDirection_INGRESS
	case accesslog.Egress:
		return flowpb.TrafficDirection_EGRESS
	default:
		return flowpb.TrafficDirection_TRAFFIC_DIRECTION_UNKNOWN
	}
}

// IP protocol numbers of records.
const (
	protocolTCP  = 6
	protocolUDP  = 17
	protocolSCTP = 132
)

// recordLayer4 returns the ports of a record, nil if its protocol has none.
func recordLayer4(r *accesslog.LogRecord) *flowpb.Layer4 {
	src, dst := r.SourceEndpoint.Port, r.DestinationEndpoint.Port
	switch r.TransportProtocol {
	case protocolTCP:
		return tcpPorts(src, dst)
	case protocolUDP:
		return udpPorts(src, dst)
	case protocolSCTP:
		return &flowpb.Layer4{Protocol: &flowpb.Layer4_SCTP{
			SCTP: &flowpb.SCTP{SourcePort: uint32(src), DestinationPort: uint32(dst)},
		}}
	default:
		return nil
	}
}

func layer7(r *accesslog.LogRecord) *flowpb.Layer7 {
	m := new(flowpb.Layer7)
	switch r.Type {
	case accesslog.TypeRequest:
		m.Type = flowpb.L7FlowType_REQUEST
	case accesslog.TypeResponse:
		m.Type = flowpb.L7FlowType_RESPONSE
	case accesslog.TypeSample:
		m.Type = flowpb.L7FlowType_SAMPLE
	}
	switch {
	case r.DNS != nil:
		m.Record = &flowpb.Layer7_Dns{Dns: dnsMessage(r.Type, r.DNS)}
	case r.HTTP != nil:
		m.Record = &flowpb.Layer7_Http{Http: httpMessage(r.Type, r.HTTP)}
	}
	return m
}

// recordSummary returns what a record says in a few words.
func recordSummary(r *accesslog.LogRecord, latency time.Duration) string {
	switch {
	case r.HTTP != nil:
		return httpSummary(r.Type, r.HTTP, latency)
	case r.DNS != nil:
		return dnsSummary(r.Type, r.DNS)
	case r.L7 != nil:
		return fmt.Sprintf("%s Fields: %s", r.L7.Proto, r.L7.Fields)
	default:
		return ""
	}
}
