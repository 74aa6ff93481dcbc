// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/packet"
)

var traceType = descriptor{
	decode: decodeSample,
	line:   (*Formatter).appendTrace,
	cilium: (*Formatter).appendCiliumTrace,
	json:   (*Formatter).appendJSONTrace,
	kind: func(e *Event) summaryKind {
		return summaryKind{a: e.sample.Trace.ObsPoint, b: e.sample.Trace.TraceReason()}
	},
	kindName: func(k summaryKind) string {
		if k.b == api.TraceReasonUnknown {
			return api.ObservationPointName(k.a)
		}
		return api.ObservationPointName(k.a) + " " + api.TraceReasonName(k.b)
	},
	packet: func(e *Event) packetInfo {
		n := &e.sample.Trace
		return packetInfo{origLen: n.OrigLen, l3: n.IsL3Device(), tunnel: packet.TunnelOf(n.Flags)}
	},
	ifindex: func(e *Event) uint32 { return e.sample.Trace.Ifindex },
	traffic: func(e *Event) traffic { return traffic{src: originalIP(&e.sample.Trace)} },
	from:    func(e *Event) (uint64, bool) { return uint64(e.sample.Trace.Source), true },
	to: func(e *Event) (uint64, bool) {
		n := &e.sample.Trace
		return uint64(n.DstID), n.ObsPoint != api.TraceToProxy // of a proxy it is the port
	},
	hasIdentity: func(e *Event, id uint64) bool {
		return uint64(e.sample.Trace.SrcLabel) == id || uint64(e.sample.Trace.DstLabel) == id
	},
}

// originalIP returns the source address that the packet had before it was translated, the zero Addr if the trace
// has none.
func originalIP(n *api.TraceNotify) netip.Addr {
	if ip := n.OriginalIP(); !ip.IsUnspecified() {
		return ip
	}
	return netip.Addr{}
}

func (f *Formatter) appendTrace(dst []byte, e *Event) []byte {
	n := &e.sample.Trace
	d := details{dst: e.dissection().appendSummary(f.appendWord(dst, colorNone, traceWord(n.ObsPoint)))}
	network := n.ObsPoint == api.TraceFromNetwork || n.ObsPoint == api.TraceToNetwork
	if !network || n.Ifindex == 0 { // else the interface says it
		d.dst = appendTraceStation(d.next(), n, e.brevity)
	}
	if e.brevity < withoutPlace {
		d.place(e, n.Ifindex)
	}
	if n.TraceReason() != api.TraceReasonUnknown && e.brevity < withoutState {
		d.text("", api.TraceReasonName(n.Reason))
	}
	if n.IsEncrypted() {
		d.text("", "encrypted")
	}
	from, to := uint64(n.Source), uint64(n.DstID)
	switch n.ObsPoint { // what was said already
	case api.TraceFromLxc:
		from = 0
	case api.TraceToLxc, api.TraceToProxy:
		to = 0
	}
	if e.brevity < withoutEndpoints {
		d.endpoints(from, to)
	}
	if e.brevity < withoutIdentities {
		d.identities(f, n.SrcLabel, n.DstLabel)
	}
	if ip := originalIP(n); ip.IsValid() && e.brevity < withoutOrigin {
		d.dst = ip.AppendTo(append(d.next(), "orig-ip "...))
	}
	if e.brevity < withoutOrigin {
		d.uint("ip-trace-id ", n.IPTraceID)
		d.mark(n.Mark)
	}
	return f.appendPacketDetails(d, e, n.Hash, n.OrigLen, n.CapLen).dst
}

// traceStations has where a packet comes from or goes to at each observation point.
var traceStations = [...]struct {
	word, name string
}{
	api.TraceToLxc:       {wordForward, "endpoint"},
	api.TraceToProxy:     {wordForward, "proxy"},
	api.TraceToHost:      {wordForward, "host"},
	api.TraceToStack:     {wordForward, "stack"},
	api.TraceToOverlay:   {wordForward, "overlay"},
	api.TraceToNetwork:   {wordOut, "network"},
	api.TraceToCrypto:    {wordForward, "crypto"},
	api.TraceFromLxc:     {wordIn, "endpoint"},
	api.TraceFromProxy:   {wordIn, "proxy"},
	api.TraceFromHost:    {wordIn, "host"},
	api.TraceFromStack:   {wordIn, "stack"},
	api.TraceFromOverlay: {wordIn, "overlay"},
	api.TraceFromNetwork: {wordIn, "network"},
	api.TraceFromCrypto:  {wordIn, "crypto"},
}

// traceWord returns what happened to a packet that was seen at an observation point.
func traceWord(point uint8) string {
	if int(point) < len(traceStations) {
		return traceStations[point].word
	}
	return wordSeen
}

// appendTraceStation appends "from " or "to ", unless the word of the line has to do for that, and the station.
func appendTraceStation(dst []byte, n *api.TraceNotify, b brevity) []byte {
	switch word := traceWord(n.ObsPoint); {
	case word == wordSeen:
		return appendUint(dst, "at unknown point ", uint64(n.ObsPoint))
	case b >= withoutPlace:
		return appendStation(dst, n)
	case word == wordIn:
		return appendStation(append(dst, "from "...), n)
	default:
		return appendStation(append(dst, "to "...), n)
	}
}

// appendTracePlace appends the direction and place of an observation point as Cilium does.
func appendTracePlace(dst []byte, n *api.TraceNotify) []byte {
	switch word := traceWord(n.ObsPoint); {
	case word == wordSeen:
		return appendUint(dst, "unknown trace point ", uint64(n.ObsPoint))
	case word == wordIn:
		return appendStation(append(dst, "<- "...), n)
	case n.ObsPoint == api.TraceToHost:
		return append(dst, "-> host from"...)
	default:
		return appendStation(append(dst, "-> "...), n)
	}
}

// appendStation appends the station of an observation point that is known, and which of its kind it is.
func appendStation(dst []byte, n *api.TraceNotify) []byte {
	dst = append(dst, traceStations[n.ObsPoint].name...)
	switch {
	case n.ObsPoint == api.TraceToLxc:
		return appendUint(dst, " ", uint64(n.DstID))
	case n.ObsPoint == api.TraceFromLxc:
		return appendUint(dst, " ", uint64(n.Source))
	case n.ObsPoint == api.TraceToProxy && n.DstID != 0:
		return appendUint(dst, " port ", uint64(n.DstID))
	default:
		return dst
	}
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
	dst = appendJSONPacketMark(dst, n.Mark)
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
