// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

var traceType = descriptor{
	decode: decodeSample,
	line:   (*Formatter).appendTrace,
	fields: (*Formatter).appendTraceFields,
	cilium: (*Formatter).appendCiliumTrace,
	json:   (*Formatter).appendJSONTrace,
	kind: func(e *Event) summaryKind {
		return summaryKind{a: e.sample.Trace.ObsPoint, b: e.sample.Trace.TraceReason()}
	},
	kindName: func(k summaryKind) string { return api.ObservationPointName(k.a) + " " + api.TraceReasonName(k.b) },
	packet: func(e *Event) packetInfo {
		n := &e.sample.Trace
		return packetInfo{origLen: n.OrigLen, l3: n.IsL3Device(), tunnel: tunnelOf(n.Flags)}
	},
	ifindex: func(e *Event) uint32 { return e.sample.Trace.Ifindex },
	from:    func(e *Event) (uint64, bool) { return uint64(e.sample.Trace.Source), true },
	to: func(e *Event) (uint64, bool) {
		n := &e.sample.Trace
		return uint64(n.DstID), n.ObsPoint != api.TraceToProxy // of a proxy it is the port
	},
	hasIdentity: func(e *Event, id uint64) bool {
		return uint64(e.sample.Trace.SrcLabel) == id || uint64(e.sample.Trace.DstLabel) == id
	},
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
	dst = inert.Append(append(dst, " ifindex "...), e.interfaceName(n.Ifindex))
	dst = appendAddr(append(dst, " orig-ip "...), n.OriginalIP())
	return e.dissection().appendSummary(append(dst, ": "...))
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

func (f *Formatter) appendTraceFields(dst []byte, e *Event) []byte {
	n := &e.sample.Trace
	dst = f.appendOrigin(dst, e, n.Hash, n.Source)
	dst = append(append(dst, ' '), api.ObservationPointName(n.ObsPoint)...)
	dst = appendLengths(append(dst, ": "...), n.OrigLen, n.CapLen)
	dst = append(append(dst, ", state "...), api.TraceReasonName(n.Reason)...)
	if n.IsEncrypted() {
		dst = append(dst, ", encrypted"...)
	}
	if n.Ifindex != 0 {
		dst = inert.Append(append(dst, ", interface "...), e.interfaceName(n.Ifindex))
	}
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	dst = appendAddr(append(dst, ", orig-ip "...), n.OriginalIP())
	switch {
	case n.DstID == 0:
	case n.ObsPoint == api.TraceToProxy:
		dst = appendUint(dst, ", to proxy port ", uint64(n.DstID))
	default:
		dst = appendUint(dst, ", to endpoint ", uint64(n.DstID))
	}
	return appendIPTraceID(dst, n.IPTraceID)
}

func (f *Formatter) appendJSONTrace(dst []byte, e *Event) []byte {
	n := &e.sample.Trace
	dst = appendJSONHead(dst, e, "trace")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendStringMember(dst, "ifindex", e.interfaceName(n.Ifindex))
	dst = appendStringMember(dst, "state", api.TraceReasonName(n.Reason))
	dst = appendStringMember(dst, "observationPoint", api.ObservationPointName(n.ObsPoint))
	dst = append(appendKey(dst, "traceSummary"), '"')
	dst = append(appendTracePlace(dst, n), '"')
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "srcLabel", uint64(n.SrcLabel))
	dst = appendUintMember(dst, "dstLabel", uint64(n.DstLabel))
	dst = appendUintMember(dst, "dstID", uint64(n.DstID))
	dst = appendUintMember(dst, "IpTraceID", n.IPTraceID)
	return e.dissection().appendJSONSummary(dst)
}

// appendAddr appends an address. That there is none is most frequent, and netip is slow
// to write it.
func appendAddr(dst []byte, ip netip.Addr) []byte {
	if ip == netip.IPv6Unspecified() {
		return append(dst, "::"...)
	}
	return ip.AppendTo(dst)
}
