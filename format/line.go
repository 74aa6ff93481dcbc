// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/api"
)

// appendLine appends the line of e, which is decoded and not a loss, without its end.
func (f *Formatter) appendLine(dst []byte, e *Event) []byte {
	switch e.sample.Type {
	case api.MessageTypeDrop:
		return f.appendDrop(dst, e)
	case api.MessageTypeTrace:
		return f.appendTrace(dst, e)
	case api.MessageTypePolicyVerdict:
		return f.appendPolicyVerdict(dst, e)
	case api.MessageTypeCapture:
		dst = appendCapturePlace(dst, e)
		return e.dissection().appendSummary(append(dst, ": "...))
	case api.MessageTypeDebug:
		n := &e.sample.Debug
		dst = f.appendOrigin(dst, e, n.Hash, n.Source)
		return f.appendDebugMessage(append(dst, " DEBUG: "...), n)
	case api.MessageTypeTraceSock:
		return appendTraceSock(dst, e)
	case api.MessageTypeAccessLog:
		return f.appendRecord(dst, &e.record)
	default: // api.MessageTypeAgent
		dst = append(append(dst, ">> "...), e.sample.Agent.Type.String()...)
		return appendText(append(dst, ": "...), e.sample.Agent.Text)
	}
}

func (f *Formatter) appendDrop(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	dst = f.begin(dst, colorDrop)
	dst = append(dst, "xx drop ("...)
	dst = append(dst, api.DropReasonExt(n.SubType, n.ExtError)...)
	dst = f.end(append(dst, ')'), colorDrop)
	dst = appendHex(append(dst, " flow "...), uint64(n.Hash))
	dst = appendUint(dst, " to endpoint ", uint64(n.DstID))
	dst = appendUint(dst, ", ifindex ", uint64(n.Ifindex))
	dst = appendSourceLine(append(dst, ", file "...), n)
	dst = appendIPTraceID(dst, n.IPTraceID)
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	return e.dissection().appendSummary(append(dst, ": "...))
}

func (f *Formatter) appendTrace(dst []byte, e *Event) []byte {
	n := &e.sample.Trace
	dst = appendTracePlace(dst, n)
	if n.IsEncrypted() {
		dst = append(dst, " encrypted"...)
	}
	dst = appendHex(append(dst, " flow "...), uint64(n.Hash))
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	dst = appendIPTraceID(dst, n.IPTraceID)
	dst = append(append(dst, " state "...), api.TraceReasonName(n.Reason)...)
	dst = appendText(append(dst, " ifindex "...), e.interfaceName(n.Ifindex))
	dst = appendAddr(append(dst, " orig-ip "...), n.OriginalIP())
	return e.dissection().appendSummary(append(dst, ": "...))
}

// appendAddr appends an address. That there is none is most frequent, and netip is slow
// to write it.
func appendAddr(dst []byte, ip netip.Addr) []byte {
	if ip == netip.IPv6Unspecified() {
		return append(dst, "::"...)
	}
	return ip.AppendTo(dst)
}

// appendTracePlace appends the direction and place of an observation point.
func appendTracePlace(dst []byte, n *api.TraceNotify) []byte {
	switch n.ObsPoint {
	case api.TraceToLxc:
		return appendUint(dst, "-> endpoint ", uint64(n.DstID))
	case api.TraceToProxy:
		dst = append(dst, "-> proxy"...)
		if n.DstID != 0 {
			dst = appendUint(dst, " port ", uint64(n.DstID))
		}
		return dst
	case api.TraceToHost:
		return append(dst, "-> host from"...)
	case api.TraceToStack:
		return append(dst, "-> stack"...)
	case api.TraceToOverlay:
		return append(dst, "-> overlay"...)
	case api.TraceToNetwork:
		return append(dst, "-> network"...)
	case api.TraceToCrypto:
		return append(dst, "-> crypto"...)
	case api.TraceFromLxc:
		return appendUint(dst, "<- endpoint ", uint64(n.Source))
	case api.TraceFromProxy:
		return append(dst, "<- proxy"...)
	case api.TraceFromHost:
		return append(dst, "<- host"...)
	case api.TraceFromStack:
		return append(dst, "<- stack"...)
	case api.TraceFromOverlay:
		return append(dst, "<- overlay"...)
	case api.TraceFromNetwork:
		return append(dst, "<- network"...)
	case api.TraceFromCrypto:
		return append(dst, "<- crypto"...)
	default:
		return appendUint(dst, "unknown trace point ", uint64(n.ObsPoint))
	}
}

func (f *Formatter) appendPolicyVerdict(dst []byte, e *Event) []byte {
	n := &e.sample.PolicyVerdict
	dst = appendHex(append(dst, "Policy verdict log: flow "...), uint64(n.Hash))
	dst = appendUint(dst, " local EP ID ", uint64(n.Source))
	dst = f.appendIdentity(append(dst, ", remote ID "...), n.RemoteLabel)
	dst = appendUint(dst, ", proto ", uint64(n.Proto))
	dst = append(append(dst, ", "...), api.PolicyDirectionName(n.Direction())...)
	dst = append(dst, ", "...)
	action := n.Action()
	c := actionColor(action)
	dst = f.begin(dst, c)
	dst = append(append(dst, "action "...), action...)
	dst = f.end(dst, c)
	dst = append(append(dst, ", auth: "...), api.AuthTypeName(n.AuthType)...)
	dst = append(append(dst, ", match "...), api.PolicyMatchName(n.MatchType())...)
	return e.dissection().appendSummary(append(dst, ", "...))
}

func actionColor(action string) color {
	switch action {
	case "deny":
		return colorDrop
	case "audit":
		return colorWarn
	default:
		return colorNone
	}
}

// appendCapturePlace appends the direction and place of a capture.
func appendCapturePlace(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	switch n.SubType {
	case api.CaptureDelivery:
		return appendText(append(dst, "-> "...), e.interfaceName(n.Arg1))
	case api.CaptureFromLB:
		return appendText(append(dst, "<- load-balancer "...), e.interfaceName(n.Arg1))
	case api.CaptureAfterV46:
		return appendUint(dst, "== v4->v6 ", uint64(n.Arg1))
	case api.CaptureAfterV64:
		return appendUint(dst, "== v6->v4 ", uint64(n.Arg1))
	case api.CaptureProxyPre:
		return appendUint(dst, "-> pre-proxy port ", uint64(fromNetwork(uint16(n.Arg1))))
	case api.CaptureProxyPost:
		return appendUint(dst, "-> proxy port ", uint64(fromNetwork(uint16(n.Arg1))))
	case api.CaptureSNATPre:
		return appendText(append(dst, "-> snat "...), e.interfaceName(n.Arg1))
	case api.CaptureSNATPost:
		return appendText(append(dst, "<- snat "...), e.interfaceName(n.Arg1))
	default:
		dst = appendUint(dst, "unknown capture ", uint64(n.SubType))
		return append(appendHex(append(dst, " (arg1 "...), uint64(n.Arg1)), ')')
	}
}

func appendTraceSock(dst []byte, e *Event) []byte {
	n := &e.sample.TraceSock
	dst = appendCPU(dst, e.payload.CPU)
	dst = append(append(dst, " ["...), api.XlatePointName(n.XlatePoint)...)
	dst = appendUint(dst, "] cgroup_id: ", n.CgroupID)
	dst = appendUint(dst, " sock_cookie: ", n.SockCookie)
	dst = n.Addr().AppendTo(append(dst, ", dst ["...))
	dst = appendUint(dst, "]:", uint64(n.DstPort))
	return append(append(dst, ' '), api.TraceSockProtocolName(n.L4Proto)...)
}

// appendOrigin appends "CPU 01: MARK 0x1 FROM 12".
func (f *Formatter) appendOrigin(dst []byte, e *Event, hash uint32, source uint16) []byte {
	dst = appendCPU(dst, e.payload.CPU)
	dst = appendHex(append(dst, " MARK "...), uint64(hash))
	return appendUint(dst, " FROM ", uint64(source))
}

// appendIdentities appends "SOURCE->DESTINATION".
func (f *Formatter) appendIdentities(dst []byte, src, dstLabel api.NumericIdentity) []byte {
	dst = f.appendIdentity(dst, src)
	return f.appendIdentity(append(dst, "->"...), dstLabel)
}

// appendSourceLine appends where in the datapath a packet was dropped.
func appendSourceLine(dst []byte, n *api.DropNotify) []byte {
	dst = append(dst, api.DropFile(n.File)...)
	return appendUint(dst, ":", uint64(n.Line))
}

// appendIPTraceID appends the trace id of a packet that has one.
func appendIPTraceID(dst []byte, id uint64) []byte {
	if id == 0 {
		return dst
	}
	return append(appendUint(dst, " [ ip-trace-id = ", id), " ]"...)
}
