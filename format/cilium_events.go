// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

func (f *Formatter) appendCiliumDrop(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	opts := ciliumOptionsOf(n.Flags)
	if f.opts.Level >= LevelVerbose {
		dst = f.beginCilium(dst, e, n.Hash)
		dst = appendUint(dst, " FROM ", uint64(n.Source))
		dst = appendUint(dst, " DROP: ", uint64(n.OrigLen))
		dst = inert.Append(append(dst, " bytes, reason "...), api.DropReasonExt(n.SubType, n.ExtError))
		if n.SrcLabel != 0 || n.DstLabel != 0 {
			dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
		}
		if n.DstID != 0 {
			dst = appendUint(dst, ", to endpoint ", uint64(n.DstID))
		}
		dst = append(dst, '\n')
		if n.IPTraceID != 0 {
			dst = appendUint(dst, " [ IP-TRACE-ID=", n.IPTraceID)
		}
		return f.appendCiliumPacket(dst, e, n.CapLen, n.DataOffset(), opts)
	}
	dst = inert.Append(append(f.appendTime(dst), "xx drop ("...), api.DropReasonExt(n.SubType, n.ExtError))
	dst = appendHex(append(dst, ") flow "...), uint64(n.Hash))
	dst = appendUint(dst, " to endpoint ", uint64(n.DstID))
	dst = appendUint(dst, ", ifindex ", uint64(n.Ifindex))
	dst = append(appendSourceLine(append(dst, ", file "...), n), ", "...)
	dst = appendIPTraceID(dst, n.IPTraceID)
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	return appendCiliumSummary(append(dst, ": "...), e, n.DataOffset(), opts)
}

func (f *Formatter) appendCiliumTrace(dst []byte, e *Event) []byte {
	n := &e.sample.Trace
	opts := ciliumOptionsOf(n.Flags)
	if f.opts.Level >= LevelVerbose {
		dst = f.beginCilium(dst, e, n.Hash)
		if n.IPTraceID != 0 {
			dst = append(appendUint(dst, " [ IP-TRACE-ID = ", n.IPTraceID), " ]"...)
		}
		dst = appendUint(dst, " FROM ", uint64(n.Source))
		dst = append(append(dst, ' '), api.ObservationPointName(n.ObsPoint)...)
		dst = appendLengths(append(dst, ": "...), n.OrigLen, n.CapLen)
		dst = append(append(dst, ", state "...), api.TraceReasonName(n.Reason)...)
		if n.Ifindex != 0 {
			dst = inert.Append(append(dst, ", interface "...), e.interfaceName(n.Ifindex))
		}
		if n.SrcLabel != 0 || n.DstLabel != 0 {
			dst = f.appendIdentities(append(dst, ", , identity "...), n.SrcLabel, n.DstLabel)
		}
		dst = appendAddr(append(dst, ", orig-ip "...), ciliumOriginalIP(n))
		switch {
		case n.DstID == 0:
		case n.ObsPoint == api.TraceToProxy:
			dst = appendUint(dst, ", to proxy-port ", uint64(n.DstID))
		default:
			dst = appendUint(dst, ", to endpoint ", uint64(n.DstID))
		}
		return f.appendCiliumPacket(append(dst, '\n'), e, n.CapLen, n.DataOffset(), opts)
	}
	dst = appendCiliumTracePlace(f.appendTime(dst), n)
	if n.IsEncrypted() {
		dst = append(dst, " encrypted "...)
	}
	dst = append(appendHex(append(dst, " flow "...), uint64(n.Hash)), ' ')
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	dst = appendIPTraceID(dst, n.IPTraceID)
	dst = append(append(dst, " state "...), api.TraceReasonName(n.Reason)...)
	dst = inert.Append(append(dst, " ifindex "...), e.interfaceName(n.Ifindex))
	dst = appendAddr(append(dst, " orig-ip "...), ciliumOriginalIP(n))
	return appendCiliumSummary(append(dst, ": "...), e, n.DataOffset(), opts)
}

// ciliumOriginalIP returns the original address as Cilium reads it, which knows nothing of marks: where there is one, the flag
// that the packet is IPv6 is not.
func ciliumOriginalIP(n *api.TraceNotify) netip.Addr {
	if n.Mark != 0 && n.IsIPv6() {
		return netip.IPv4Unspecified()
	}
	return n.OriginalIP()
}

func appendCiliumTracePlace(dst []byte, n *api.TraceNotify) []byte {
	if n.ObsPoint > api.TraceToCrypto {
		return append(dst, "unknown trace"...)
	}
	return appendTracePlace(dst, n)
}

func (f *Formatter) appendCiliumCapture(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	if f.opts.Level >= LevelVerbose {
		dst = f.beginCilium(dst, e, n.Hash)
		dst = appendUint(dst, " FROM ", uint64(n.Source))
		dst = appendUint(dst, " DEBUG: ", uint64(n.CapLen))
		dst = appendCiliumCaptureMessage(append(dst, " bytes, "...), n)
		return f.appendCiliumPacket(dst, e, n.CapLen, n.DataOffset(), ciliumOptions{})
	}
	switch n.SubType {
	case api.CaptureDelivery, api.CaptureFromLB, api.CaptureAfterV46, api.CaptureAfterV64, api.CaptureProxyPost:
		dst = appendCapturePlace(f.appendTime(dst), e)
		return appendCiliumSummary(append(dst, ": "...), e, n.DataOffset(), ciliumOptions{})
	default:
		return dst
	}
}

func appendCiliumCaptureMessage(dst []byte, n *api.DebugCapture) []byte {
	port := uint64(fromNetwork(uint16(n.Arg1)))
	switch n.SubType {
	case api.CaptureDelivery:
		return appendUint(dst, "Delivery to ifindex ", uint64(n.Arg1))
	case api.CaptureFromLB:
		return appendUint(dst, "Incoming packet to load balancer on ifindex ", uint64(n.Arg1))
	case api.CaptureAfterV46:
		return appendUint(dst, "Packet after nat46 ifindex ", uint64(n.Arg1))
	case api.CaptureAfterV64:
		return appendUint(dst, "Packet after nat64 ifindex ", uint64(n.Arg1))
	case api.CaptureProxyPre:
		return append(appendUint(dst, "Packet to proxy port ", port), " (Pre)"...)
	case api.CaptureProxyPost:
		return append(appendUint(dst, "Packet to proxy port ", port), " (Post)"...)
	case api.CaptureSNATPre:
		return appendUint(dst, "Packet going into snat engine on ifindex ", uint64(n.Arg1))
	case api.CaptureSNATPost:
		return appendUint(dst, "Packet coming from snat engine on ifindex ", uint64(n.Arg1))
	default:
		dst = appendUint(dst, "Unknown message type=", uint64(n.SubType))
		return appendUint(dst, " arg1=", uint64(n.Arg1))
	}
}

func (f *Formatter) appendCiliumPolicyVerdict(dst []byte, e *Event) []byte {
	n := &e.sample.PolicyVerdict
	direction := "egress"
	if n.Direction() == api.PolicyIngress {
		direction = "ingress"
	}
	dst = appendHex(append(f.appendTime(dst), "Policy verdict log: flow "...), uint64(n.Hash))
	dst = appendUint(dst, " local EP ID ", uint64(n.Source))
	dst = f.appendIdentity(append(dst, ", remote ID "...), n.RemoteLabel)
	dst = appendUint(dst, ", proto ", uint64(n.Proto))
	dst = append(append(dst, ", "...), direction...)
	dst = append(append(dst, ", action "...), n.Action()...)
	dst = append(dst, ", auth: "...)
	if n.AuthType <= api.AuthTypeTestAlwaysFail {
		dst = append(dst, api.AuthTypeName(n.AuthType)...)
	} else {
		dst = appendUint(dst, "Unknown-auth-type-", uint64(n.AuthType))
	}
	dst = append(dst, ", match "...)
	if match := n.MatchType(); match <= api.PolicyMatchProtoOnly {
		dst = append(dst, api.PolicyMatchName(match)...)
	} else {
		dst = append(dst, "unknown"...)
	}
	opts := ciliumOptions{l3: n.IsL3Device(), ipv6: n.IsIPv6()}
	return appendCiliumSummary(append(dst, ", "...), e, n.DataOffset(), opts)
}

func (f *Formatter) appendCiliumDebug(dst []byte, e *Event) []byte {
	n := &e.sample.Debug
	dst = f.appendOrigin(f.appendTime(dst), e, n.Hash, n.Source)
	return append(f.appendCiliumDebugMessage(append(dst, " DEBUG: "...), e), '\n')
}

func (f *Formatter) appendCiliumTraceSock(dst []byte, e *Event) []byte {
	if f.opts.Level != LevelDebug {
		return dst
	}
	n := &e.sample.TraceSock
	dst = appendCPU(f.appendTime(dst), e.payload.CPU)
	dst = append(append(dst, " ["...), api.XlatePointName(n.XlatePoint)...)
	dst = appendUint(dst, "] cgroup_id: ", n.CgroupID)
	dst = appendUint(dst, " sock_cookie: ", n.SockCookie)
	dst = n.Addr().AppendTo(append(dst, ", dst ["...))
	dst = appendUint(dst, "]:", uint64(n.DstPort))
	return append(append(append(dst, ' '), api.TraceSockProtocolName(n.L4Proto)...), " \n"...)
}

// appendCiliumAgent appends an agent notification.
func (f *Formatter) appendCiliumAgent(dst []byte, e *Event) []byte {
	return append(appendNotification(append(f.appendTime(dst), ">> "...), e), '\n')
}
