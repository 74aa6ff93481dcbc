// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/hex"

	"github.com/cilium/monitor/api"
)

const separator = "------------------------------------------------------------------------------\n"

// appendVerbose appends the lines of a drop, trace or capture: the fields, then the
// packet.
func (f *Formatter) appendVerbose(dst []byte, e *Event) []byte {
	dst = f.appendTime(append(dst, separator...))
	switch e.sample.Type {
	case api.MessageTypeDrop:
		dst = f.appendDropFields(dst, e)
	case api.MessageTypeTrace:
		dst = f.appendTraceFields(dst, e)
	default:
		n := &e.sample.Capture
		dst = f.appendOrigin(dst, e, n.Hash, n.Source)
		dst = appendLengths(append(dst, " CAPTURE: "...), n.OrigLen, n.CapLen)
		dst = appendCaptureMessage(append(dst, ", "...), e)
	}
	dst = append(dst, '\n')
	if !f.opts.Hex && e.dissection().any() {
		return e.dissection().appendLayers(dst)
	}
	return append(dst, hex.Dump(e.sample.Packet)...)
}

func (f *Formatter) appendDropFields(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	dst = f.appendOrigin(dst, e, n.Hash, n.Source)
	dst = append(dst, ' ')
	dst = append(f.begin(dst, colorDrop), "DROP: "...)
	dst = appendLengths(dst, n.OrigLen, n.CapLen)
	dst = append(append(dst, ", reason "...), api.DropReasonExt(n.SubType, n.ExtError)...)
	dst = f.end(dst, colorDrop)
	dst = appendSourceLine(append(dst, ", file "...), n)
	if n.Ifindex != 0 {
		dst = appendText(append(dst, ", interface "...), e.interfaceName(n.Ifindex))
	}
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	if n.DstID != 0 {
		dst = appendUint(dst, ", to endpoint ", uint64(n.DstID))
	}
	return appendIPTraceID(dst, n.IPTraceID)
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
		dst = appendText(append(dst, ", interface "...), e.interfaceName(n.Ifindex))
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

func appendLengths(dst []byte, origLen uint32, capLen uint16) []byte {
	dst = appendUint(dst, "", uint64(origLen))
	dst = appendUint(dst, " bytes (", uint64(capLen))
	return append(dst, " captured)"...)
}
