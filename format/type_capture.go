// SPDX-License-Identifier: Apache-2.0

package format

import (
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

var captureType = descriptor{
	decode:   decodeSample,
	line:     (*Formatter).appendCapture,
	fields:   (*Formatter).appendCaptureFields,
	cilium:   (*Formatter).appendCiliumCapture,
	json:     (*Formatter).appendJSONCapture,
	kind:     func(e *Event) summaryKind { return summaryKind{a: e.sample.Capture.SubType} },
	kindName: func(k summaryKind) string { return api.CaptureName(k.a) },
	packet:   func(e *Event) packetInfo { return packetInfo{origLen: e.sample.Capture.OrigLen} },
	ifindex:  captureInterface,
	from:     func(e *Event) (uint64, bool) { return uint64(e.sample.Capture.Source), true },
}

// captureInterface returns the first argument of a capture where that is an interface.
func captureInterface(e *Event) uint32 {
	n := &e.sample.Capture
	switch n.SubType {
	case api.CaptureDelivery, api.CaptureFromLB, api.CaptureAfterV46, api.CaptureAfterV64, api.CaptureSNATPre, api.CaptureSNATPost:
		return n.Arg1
	default:
		return 0
	}
}

func (f *Formatter) appendCapture(dst []byte, e *Event) []byte {
	dst = appendCapturePlace(dst, e)
	return e.dissection().appendSummary(append(dst, ": "...))
}

func (f *Formatter) appendCaptureFields(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	dst = f.appendOrigin(dst, e, n.Hash, n.Source)
	dst = appendLengths(append(dst, " CAPTURE: "...), n.OrigLen, n.CapLen)
	return appendCaptureMessage(append(dst, ", "...), e)
}

func (f *Formatter) appendJSONCapture(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	dst = appendJSONHead(dst, e, "capture")
	dst = appendJSONMark(dst, n.Hash)
	dst = append(appendKey(dst, "message"), '"')
	dst = append(appendCaptureMessage(dst, e), '"')
	dst = appendStringMember(dst, "prefix", string(appendCapturePlace(nil, e)))
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = append(appendKey(dst, "summary"), '"')
	return append(e.dissection().appendSummary(dst), '"')
}

// appendCapturePlace appends the direction and place of a capture.
func appendCapturePlace(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	switch n.SubType {
	case api.CaptureDelivery:
		return inert.Append(append(dst, "-> "...), e.interfaceName(n.Arg1))
	case api.CaptureFromLB:
		return inert.Append(append(dst, "<- load-balancer "...), e.interfaceName(n.Arg1))
	case api.CaptureAfterV46:
		return appendUint(dst, "== v4->v6 ", uint64(n.Arg1))
	case api.CaptureAfterV64:
		return appendUint(dst, "== v6->v4 ", uint64(n.Arg1))
	case api.CaptureProxyPre:
		return appendUint(dst, "-> pre-proxy port ", uint64(fromNetwork(uint16(n.Arg1))))
	case api.CaptureProxyPost:
		return appendUint(dst, "-> proxy port ", uint64(fromNetwork(uint16(n.Arg1))))
	case api.CaptureSNATPre:
		return inert.Append(append(dst, "-> snat "...), e.interfaceName(n.Arg1))
	case api.CaptureSNATPost:
		return inert.Append(append(dst, "<- snat "...), e.interfaceName(n.Arg1))
	default:
		dst = appendUint(dst, "unknown capture ", uint64(n.SubType))
		return append(appendHex(append(dst, " (arg1 "...), uint64(n.Arg1)), ')')
	}
}

// appendCaptureMessage appends where a packet was captured, in words.
func appendCaptureMessage(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	switch n.SubType {
	case api.CaptureDelivery:
		return appendUint(dst, "delivered to ifindex ", uint64(n.Arg1))
	case api.CaptureFromLB:
		return appendUint(dst, "to the load balancer from ifindex ", uint64(n.Arg1))
	case api.CaptureAfterV46:
		return appendUint(dst, "translated from IPv4 to IPv6, ifindex ", uint64(n.Arg1))
	case api.CaptureAfterV64:
		return appendUint(dst, "translated from IPv6 to IPv4, ifindex ", uint64(n.Arg1))
	case api.CaptureProxyPre:
		return appendUint(dst, "before redirection to proxy port ", uint64(fromNetwork(uint16(n.Arg1))))
	case api.CaptureProxyPost:
		return appendUint(dst, "redirected to proxy port ", uint64(fromNetwork(uint16(n.Arg1))))
	case api.CaptureSNATPre:
		return appendUint(dst, "before source NAT, ifindex ", uint64(n.Arg1))
	case api.CaptureSNATPost:
		return appendUint(dst, "after source NAT, ifindex ", uint64(n.Arg1))
	default:
		dst = appendUint(dst, "unknown capture ", uint64(n.SubType))
		dst = appendHex(append(dst, ", arg1 "...), uint64(n.Arg1))
		return appendHex(append(dst, ", arg2 "...), uint64(n.Arg2))
	}
}
