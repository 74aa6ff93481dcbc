// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"net/netip"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/protobuf/proto"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/internal/raw"
)

// packetFlow makes the flow of an event with a packet.
func (d *Decoder) packetFlow(s *scratch, e agent.Event) proto.Message {
	b := new(block)
	f := d.begin(b, e)
	s.text.uuid(&f.Uuid, uuidOf(e))
	f.Type = flowpb.FlowType_L3_L4
	f.Verdict = s.event.Verdict()
	f.DropReason = s.event.DropReason()
	f.DropReasonDesc = flowpb.DropReason(f.DropReason)
	b.eventType.Type, b.eventType.SubType = int32(s.event.Type), int32(s.event.SubType())

	if id := s.event.IPTraceID(); id != 0 {
		f.IpTraceId = &flowpb.IPTraceID{TraceId: id}
	}
	if reply, known := s.event.IsReply(); known {
		b.reply(reply)
	}
	f.ProxyPort = uint32(s.event.ProxyPort())
	d.networkInterface(b, s.event.Ifindex())

	p := &s.event.Packet
	d.packet(b, &s.text, p)
	switch s.event.Type {
	case api.MessageTypeDrop:
		n := &s.event.Drop
		b.file.Name, b.file.Line = api.DropFile(n.File), uint32(n.Line)
		f.File = &b.file
		f.Summary = withOwnReason(n, f.Summary)
	case api.MessageTypeKernelDrop:
		setKernelDrop(f, e.Data)
	case api.MessageTypeTrace:
		setTrace(f, &s.text, &s.event)
	case api.MessageTypePolicyVerdict:
		n := &s.event.Policy
		f.AuthType = flowpb.AuthType(n.AuthType)
		f.PolicyMatchType = uint32(n.MatchType())
		d.deniedBy(f, n)
	case api.MessageTypeCapture:
		f.DebugCapturePoint = flowpb.DebugCapturePoint(s.event.Capture.SubType)
	}
	s.text.set()

	src, dst := s.event.Source(), s.event.Destination()
	srcIdentity, dstIdentity := s.event.Identities()
	d.endpoint(&b.source, src, srcIdentity)
	d.endpoint(&b.destination, dst, dstIdentity)
	d.names(f, src, dst)
	d.services(f, netip.AddrPortFrom(src, p.SrcPort), netip.AddrPortFrom(dst, p.DstPort))
	f.TrafficDirection = direction(&s.event, b.source.ID)
	return f
}

// setTrace sets what a trace alone has.
func setTrace(f *flowpb.Flow, t *text, e *raw.Event) {
	n := &e.Trace
	f.TraceObservationPoint = flowpb.TraceObservationPoint(n.ObsPoint)
	if n.ObsPoint == api.TraceToLxc { // the API has 0 for flows without a point
		f.TraceObservationPoint = flowpb.TraceObservationPoint_TO_ENDPOINT
	}
	f.TraceReason = traceReason(n.TraceReason())
	if f.IP == nil {
		return
	}
	f.IP.Encrypted = n.IsEncrypted()
	if xlated := e.SourceXlated(); xlated.IsValid() {
		t.addr(&f.IP.SourceXlated, xlated)
		t.addr(&f.IP.Source, e.Source())
	}
}

// traceReason returns the API's number of a reason: it has 0 for the unknown one, and those before that one higher.
func traceReason(reason uint8) flowpb.TraceReason {
	switch {
	case reason == api.TraceReasonUnknown:
		return flowpb.TraceReason_TRACE_REASON_UNKNOWN
	case reason < api.TraceReasonUnknown:
		return flowpb.TraceReason(reason) + 1
	default:
		return flowpb.TraceReason(reason)
	}
}

// deniedBy names the rule of the monitor's own datapath that denied a packet. Its verdicts are of no endpoint.
func (d *Decoder) deniedBy(f *flowpb.Flow, n *api.PolicyVerdictNotify) {
	if d.opts.Getters.DenyRules == nil || n.Verdict >= 0 || n.Source != 0 || n.Cookie == 0 {
		return
	}
	rule, ok := d.opts.Getters.DenyRules.DenyRule(n.Cookie)
	if !ok {
		return
	}
	policies := []*flowpb.Policy{{Name: rule, Kind: "DenyRule"}}
	if n.Direction() == api.PolicyIngress {
		f.IngressDeniedBy = policies
	} else {
		f.EgressDeniedBy = policies
	}
}

func (b *block) reply(is bool) {
	b.isReply.Value = is
	b.flow.IsReply, b.flow.Reply = &b.isReply, is
}

func (d *Decoder) networkInterface(b *block, ifindex uint32) {
	if ifindex == 0 {
		return
	}
	b.networkIf.Index = ifindex
	if d.opts.Getters.Interfaces != nil {
		b.networkIf.Name, _ = d.opts.Getters.Interfaces.InterfaceName(ifindex)
	}
	b.flow.Interface = &b.networkIf
}

// direction returns which way a packet went, as seen from the local endpoint. source is the id of the one that it
// comes from.
func direction(e *raw.Event, source uint32) flowpb.TrafficDirection {
	switch e.Type {
	case api.MessageTypeDrop:
		switch n := &e.Drop; {
		case n.Source == 0:
		case n.Source == uint16(source): // so it is taken for no reply
			return flowpb.TrafficDirection_EGRESS
		default:
			return flowpb.TrafficDirection_INGRESS
		}
	case api.MessageTypeTrace:
		n := &e.Trace
		if n.Source == 0 || n.TraceReason() == api.TraceReasonUnknown {
			break
		}
		isSource := n.Source == uint16(source)
		isReply := n.TraceReason() == api.TraceReasonCtReply
		if isSource != isReply || !n.OriginalIP().IsUnspecified() {
			return flowpb.TrafficDirection_EGRESS
		}
		return flowpb.TrafficDirection_INGRESS
	case api.MessageTypeKernelDrop:
		switch e.Kernel.Direction {
		case api.KernelDropIngress:
			return flowpb.TrafficDirection_INGRESS
		case api.KernelDropEgress:
			return flowpb.TrafficDirection_EGRESS
		}
	case api.MessageTypePolicyVerdict:
		if e.Policy.Direction() == api.PolicyIngress {
			return flowpb.TrafficDirection_INGRESS
		}
		return flowpb.TrafficDirection_EGRESS
	}
	return flowpb.TrafficDirection_TRAFFIC_DIRECTION_UNKNOWN
}
