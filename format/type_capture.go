// SPDX-License-Identifier: Apache-2.0

package format

import (
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

var captureType = descriptor{
	decode:   decodeSample,
	line:     (*Formatter).appendCapture,
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
	n := &e.sample.Capture
	d := details{dst: e.dissection().appendSummary(f.appendWord(dst, colorNone, wordCapture))}
	d.dst = appendCaptureMessage(d.next(), e, true)
	d.vlans(e)
	if e.brevity < withoutEndpoints {
		d.endpoints(uint64(n.Source), 0)
	}
	return f.appendPacketDetails(d, e, n.Hash, n.OrigLen, n.CapLen).dst
}

func (f *Formatter) appendJSONCapture(dst []byte, e *Event) []byte {
	n := &e.sample.Capture
	dst = appendJSONHead(dst, e, "capture")
	dst = appendJSONMark(dst, n.Hash)
	dst = append(appendKey(dst, "message"), '"')
	dst = append(appendCaptureMessage(dst, e, false), '"')
	dst = appendStringMember(dst, "prefix", string(appendCapturePlace(nil, e)))
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = e.dissection().appendJSONVLANs(dst)
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

// captureMessages has the words for where a packet was captured, which an interface or a port follows.
var captureMessages = [...]string{
	api.CaptureDelivery:  "delivered to ",
	api.CaptureFromLB:    "to the load balancer from ",
	api.CaptureAfterV46:  "translated from IPv4 to IPv6, ",
	api.CaptureAfterV64:  "translated from IPv6 to IPv4, ",
	api.CaptureProxyPre:  "before redirection to proxy port ",
	api.CaptureProxyPost: "redirected to proxy port ",
	api.CaptureSNATPre:   "before source NAT, ",
	api.CaptureSNATPost:  "after source NAT, ",
}

// appendCaptureMessage appends where a packet was captured, in words, with the name of the interface or
// its index.
func appendCaptureMessage(dst []byte, e *Event, name bool) []byte {
	n := &e.sample.Capture
	if int(n.SubType) >= len(captureMessages) || captureMessages[n.SubType] == "" {
		dst = appendUint(dst, "unknown capture ", uint64(n.SubType))
		dst = appendHex(append(dst, ", arg1 "...), uint64(n.Arg1))
		return appendHex(append(dst, ", arg2 "...), uint64(n.Arg2))
	}
	dst = append(dst, captureMessages[n.SubType]...)
	switch {
	case n.SubType == api.CaptureProxyPre, n.SubType == api.CaptureProxyPost:
		return appendUint(dst, "", uint64(fromNetwork(uint16(n.Arg1))))
	case name:
		return appendInterface(dst, e, n.Arg1)
	default:
		return appendUint(dst, "ifindex ", uint64(n.Arg1))
	}
}
