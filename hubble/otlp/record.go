// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cilium/monitor/api"
)

// Names of the events, as OpenTelemetry calls what kind of a thing a log record is.
const (
	eventFlow = "hubble.flow"
	eventLost = "hubble.lost_events"
)

// schemaURL says which semantic conventions the attributes follow.
const schemaURL = semconv.SchemaURL

// maxValueLen bounds the text of an attribute, so that a batch is not larger than collectors take: the URL of a request can
// be as long as its client likes.
const maxValueLen = 2048

// flowRecord returns the record of a flow, and the context of the trace that it is a part of, if it is one.
func flowRecord(ctx context.Context, f *flowpb.Flow) (context.Context, log.Record) {
	var r log.Record
	r.SetEventName(eventFlow)
	r.SetTimestamp(f.GetTime().AsTime())
	r.SetSeverity(severity(f.GetVerdict()))
	r.SetBody(attribute.StringValue(flowText(f)))

	a := attributes(make([]attribute.KeyValue, 0, 32))
	a.text("hubble.uuid", f.GetUuid())
	a.text("hubble.node_name", f.GetNodeName())
	a.text("hubble.verdict", f.GetVerdict().String())
	a.text("hubble.event_type", api.MessageTypeName(int(f.GetEventType().GetType())))
	a.drop(f)
	a.trace(f)
	a.network(f)
	a.transport(f.GetL4())
	a.endpoint("hubble.source.", f.GetSource(), f.GetSourceNames(), f.GetSourceService())
	a.endpoint("hubble.destination.", f.GetDestination(), f.GetDestinationNames(), f.GetDestinationService())
	a.layer7(f.GetL7())
	r.AddAttributes(a...)
	return traced(ctx, f.GetTraceContext()), r
}

// lossRecord returns the record of a loss.
func lossRecord(at *timestamppb.Timestamp, loss *flowpb.LostEvent) log.Record {
	var r log.Record
	r.SetEventName(eventLost)
	r.SetTimestamp(at.AsTime())
	r.SetSeverity(log.SeverityWarn)
	r.SetBody(attribute.StringValue(fmt.Sprintf("%d events lost", loss.GetNumEventsLost())))
	r.AddAttributes(
		attribute.Int64("hubble.lost.count", int64(loss.GetNumEventsLost())),
		attribute.String("hubble.lost.source", loss.GetSource().String()),
	)
	if cpu := loss.GetCpu(); cpu != nil {
		r.AddAttributes(attribute.Int("hubble.lost.cpu", int(cpu.GetValue())))
	}
	return r
}

func severity(v flowpb.Verdict) log.Severity {
	switch v {
	case flowpb.Verdict_DROPPED:
		return log.SeverityWarn
	case flowpb.Verdict_ERROR:
		return log.SeverityError
	default:
		return log.SeverityInfo
	}
}

// flowText is the flow in a line: who, to whom, what became of it, and why.
func flowText(f *flowpb.Flow) string {
	var b strings.Builder
	source, destination := ports(f.GetL4())
	fmt.Fprintf(&b, "%s -> %s %s", side(f.GetIP().GetSource(), source), side(f.GetIP().GetDestination(), destination), f.GetVerdict())
	if f.GetVerdict() == flowpb.Verdict_DROPPED && f.GetDropReasonDesc() != flowpb.DropReason_DROP_REASON_UNKNOWN {
		fmt.Fprintf(&b, " %s", f.GetDropReasonDesc())
	}
	if f.GetSummary() != "" {
		fmt.Fprintf(&b, " (%s)", f.GetSummary())
	}
	return b.String()
}

func side(ip string, port uint32) string {
	switch {
	case ip == "":
		return "?"
	case port == 0:
		return ip
	default:
		return net.JoinHostPort(ip, strconv.Itoa(int(port)))
	}
}

// traced returns the context of the trace of a request.
func traced(ctx context.Context, t *flowpb.TraceContext) context.Context {
	id, err := trace.TraceIDFromHex(t.GetParent().GetTraceId())
	if err != nil {
		return ctx
	}
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: id}))
}

// attributes are those of a record. What is empty is left out.
type attributes []attribute.KeyValue

func (a *attributes) add(kv attribute.KeyValue) { *a = append(*a, kv) }

func (a *attributes) text(key attribute.Key, value string) {
	if value != "" {
		a.add(key.String(value))
	}
}

func (a *attributes) texts(key attribute.Key, values []string) {
	if len(values) > 0 {
		a.add(key.StringSlice(values))
	}
}

func (a *attributes) number(key attribute.Key, value uint32) {
	if value != 0 {
		a.add(key.Int(int(value)))
	}
}

func (a *attributes) drop(f *flowpb.Flow) {
	if f.GetVerdict() != flowpb.Verdict_DROPPED {
		return
	}
	a.number("hubble.drop_reason.code", f.GetDropReason()) //nolint:staticcheck // reasons of a datapath's own have no other number
	if reason := f.GetDropReasonDesc(); reason != flowpb.DropReason_DROP_REASON_UNKNOWN {
		a.text("hubble.drop_reason.name", reason.String())
	}
	if file := f.GetFile(); file.GetName() != "" {
		a.text("hubble.drop.source_file", fmt.Sprintf("%s:%d", file.GetName(), file.GetLine()))
	}
}

func (a *attributes) trace(f *flowpb.Flow) {
	if p := f.GetTraceObservationPoint(); p != flowpb.TraceObservationPoint_UNKNOWN_POINT {
		a.text("hubble.trace.observation_point", p.String())
	}
	if r := f.GetTraceReason(); r != flowpb.TraceReason_TRACE_REASON_UNKNOWN {
		a.text("hubble.trace.reason", r.String())
	}
	if r := f.GetIsReply(); r != nil {
		a.add(attribute.Bool("hubble.is_reply", r.GetValue()))
	}
}

func (a *attributes) network(f *flowpb.Flow) {
	a.text(semconv.SourceAddressKey, f.GetIP().GetSource())
	a.text(semconv.DestinationAddressKey, f.GetIP().GetDestination())
	switch f.GetIP().GetIpVersion() {
	case flowpb.IPVersion_IPv4:
		a.add(semconv.NetworkTypeIPv4)
	case flowpb.IPVersion_IPv6:
		a.add(semconv.NetworkTypeIPv6)
	case flowpb.IPVersion_IP_NOT_USED:
	}
	switch f.GetTrafficDirection() {
	case flowpb.TrafficDirection_INGRESS:
		a.add(semconv.NetworkIODirectionReceive)
	case flowpb.TrafficDirection_EGRESS:
		a.add(semconv.NetworkIODirectionTransmit)
	case flowpb.TrafficDirection_TRAFFIC_DIRECTION_UNKNOWN:
	}
	a.text(semconv.NetworkInterfaceNameKey, f.GetInterface().GetName())
}

// transport adds the transport. Of those that the conventions have no word for it is the name of the protocol in small letters, as
// they ask for.
func (a *attributes) transport(l4 *flowpb.Layer4) {
	switch p := l4.GetProtocol().(type) {
	case *flowpb.Layer4_TCP:
		a.add(semconv.NetworkTransportTCP)
		a.texts("hubble.tcp.flags", tcpFlags(p.TCP.GetFlags()))
	case *flowpb.Layer4_UDP:
		a.add(semconv.NetworkTransportUDP)
	case *flowpb.Layer4_SCTP:
		a.text(semconv.NetworkTransportKey, "sctp")
	case *flowpb.Layer4_ICMPv4:
		a.text(semconv.NetworkTransportKey, "icmp")
		a.icmp(p.ICMPv4.GetType(), p.ICMPv4.GetCode())
	case *flowpb.Layer4_ICMPv6:
		a.text(semconv.NetworkTransportKey, "ipv6-icmp")
		a.icmp(p.ICMPv6.GetType(), p.ICMPv6.GetCode())
	}
	source, destination := ports(l4)
	a.number(semconv.SourcePortKey, source)
	a.number(semconv.DestinationPortKey, destination)
}

func (a *attributes) icmp(typ, code uint32) {
	a.add(attribute.Int("hubble.icmp.type", int(typ)))
	a.add(attribute.Int("hubble.icmp.code", int(code)))
}

func ports(l4 *flowpb.Layer4) (source, destination uint32) {
	switch p := l4.GetProtocol().(type) {
	case *flowpb.Layer4_TCP:
		return p.TCP.GetSourcePort(), p.TCP.GetDestinationPort()
	case *flowpb.Layer4_UDP:
		return p.UDP.GetSourcePort(), p.UDP.GetDestinationPort()
	case *flowpb.Layer4_SCTP:
		return p.SCTP.GetSourcePort(), p.SCTP.GetDestinationPort()
	default:
		return 0, 0
	}
}

func tcpFlags(f *flowpb.TCPFlags) (names []string) {
	for _, flag := range []struct {
		name string
		set  bool
	}{
		{"SYN", f.GetSYN()}, {"ACK", f.GetACK()}, {"FIN", f.GetFIN()}, {"RST", f.GetRST()}, {"PSH", f.GetPSH()},
		{"URG", f.GetURG()}, {"ECE", f.GetECE()}, {"CWR", f.GetCWR()}, {"NS", f.GetNS()},
	} {
		if flag.set {
			names = append(names, flag.name)
		}
	}
	return names
}

// endpoint adds what is known of a side of a flow. The conventions for Kubernetes are about who sends a record, not about
// what it tells of.
func (a *attributes) endpoint(prefix string, e *flowpb.Endpoint, names []string, service *flowpb.Service) {
	key := func(name string) attribute.Key { return attribute.Key(prefix + name) }
	a.number(key("endpoint_id"), e.GetID())
	a.number(key("identity"), e.GetIdentity())
	a.text(key("namespace"), e.GetNamespace())
	a.text(key("pod_name"), e.GetPodName())
	a.texts(key("labels"), e.GetLabels())
	for _, w := range e.GetWorkloads() {
		a.text(key("workload"), w.GetKind()+"/"+w.GetName())
	}
	a.texts(key("names"), names)
	if s := service; s.GetName() != "" {
		a.text(key("service"), s.GetNamespace()+"/"+s.GetName())
	}
}

func (a *attributes) layer7(l7 *flowpb.Layer7) {
	if l7 == nil {
		return
	}
	a.text("hubble.l7.type", l7.GetType().String())
	switch r := l7.GetRecord().(type) {
	case *flowpb.Layer7_Http:
		a.text(semconv.NetworkProtocolNameKey, "http")
		a.text(semconv.NetworkProtocolVersionKey, strings.TrimPrefix(r.Http.GetProtocol(), "HTTP/"))
		a.text(semconv.HTTPRequestMethodKey, r.Http.GetMethod())
		a.text(semconv.URLFullKey, r.Http.GetUrl())
		a.number(semconv.HTTPResponseStatusCodeKey, r.Http.GetCode())
	case *flowpb.Layer7_Dns:
		a.text(semconv.NetworkProtocolNameKey, "dns")
		a.text(semconv.DNSQuestionNameKey, strings.TrimSuffix(r.Dns.GetQuery(), "."))
		a.texts(semconv.DNSAnswersKey, r.Dns.GetIps())
		a.number("hubble.dns.rcode", r.Dns.GetRcode())
	}
}
