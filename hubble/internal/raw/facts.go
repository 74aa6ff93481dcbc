// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"encoding/binary"
	"net/netip"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api"
)

// SocketOnly tells whether e is of a socket, and has no packet. The address of who asked is not in it then.
func (e *Event) SocketOnly() bool { return e.Type == api.MessageTypeTraceSock }

// OriginalSource returns the source address before translation, if there was one.
func (e *Event) OriginalSource() (addr netip.Addr, ok bool) {
	if e.Type != api.MessageTypeTrace || e.Packet.IP == LayerNone {
		return netip.Addr{}, false
	}
	addr = e.Trace.OriginalIP()
	return addr, !addr.IsUnspecified()
}

// Source returns the source address of the packet, before it was translated.
func (e *Event) Source() netip.Addr {
	if orig, ok := e.OriginalSource(); ok {
		return orig
	}
	return e.Packet.Src
}

// SourceXlated returns what the source address was translated to; it is not valid if it was not.
func (e *Event) SourceXlated() netip.Addr {
	if orig, ok := e.OriginalSource(); ok && orig != e.Packet.Src {
		return e.Packet.Src
	}
	return netip.Addr{}
}

// Destination returns the destination address of the packet.
func (e *Event) Destination() netip.Addr { return e.Packet.Dst }

// IPVersion returns the version of IP.
func (e *Event) IPVersion() flowpb.IPVersion {
	v6 := e.Packet.IP == LayerIPv6
	switch {
	case e.SocketOnly():
		v6 = e.Sock.IsIPv6()
	case e.Packet.IP == LayerNone:
		return flowpb.IPVersion_IP_NOT_USED
	}
	if v6 {
		return flowpb.IPVersion_IPv6
	}
	return flowpb.IPVersion_IPv4
}

// Transport returns the protocol above IP, LayerNone if there is nothing known of it.
func (e *Event) Transport() Layer {
	if !e.SocketOnly() {
		return e.Packet.Transport
	}
	switch e.Sock.L4Proto {
	case api.TraceSockTCP:
		return LayerTCP
	case api.TraceSockUDP:
		return LayerUDP
	default:
		return LayerNone
	}
}

// Ports returns the ports. ok is false if the protocol has none.
func (e *Event) Ports() (src, dst uint16, ok bool) {
	switch {
	case !e.SocketOnly():
		return e.Packet.SrcPort, e.Packet.DstPort, e.Packet.HasPorts()
	case e.OnWayBack():
		return e.Sock.DstPort, 0, e.Transport() != LayerNone
	default:
		return 0, e.Sock.DstPort, e.Transport() != LayerNone
	}
}

// OnWayBack tells of an event of a socket whether it is of a reply.
func (e *Event) OnWayBack() bool {
	return e.Sock.XlatePoint == api.XlatePointPreRev || e.Sock.XlatePoint == api.XlatePointPostRev
}

// Identities returns what the datapath says of the identities; 0 is nothing.
func (e *Event) Identities() (source, destination uint32) {
	switch e.Type {
	case api.MessageTypeDrop:
		return uint32(e.Drop.SrcLabel), uint32(e.Drop.DstLabel)
	case api.MessageTypeTrace:
		return uint32(e.Trace.SrcLabel), uint32(e.Trace.DstLabel)
	case api.MessageTypePolicyVerdict:
		if e.Policy.Direction() == api.PolicyIngress {
			return uint32(e.Policy.RemoteLabel), 0
		}
		return 0, uint32(e.Policy.RemoteLabel)
	default:
		return 0, 0
	}
}

// IsReply tells whether the packet is a reply, and whether that is known.
func (e *Event) IsReply() (reply, known bool) {
	switch e.Type {
	case api.MessageTypeTrace:
		switch reason := e.Trace.TraceReason(); reason {
		case api.TraceReasonUnknown, api.TraceReasonSRv6Encap, api.TraceReasonSRv6Decap:
			return false, false
		default:
			return reason == api.TraceReasonCtReply, true
		}
	case api.MessageTypePolicyVerdict: // of the first packet of a connection
		return false, e.Policy.Verdict >= 0
	default:
		return false, false
	}
}

// IPTraceID returns the number in an option of IP, 0 if there is none.
func (e *Event) IPTraceID() uint64 {
	switch e.Type {
	case api.MessageTypeDrop:
		return e.Drop.IPTraceID
	case api.MessageTypeTrace:
		return e.Trace.IPTraceID
	default:
		return 0
	}
}

// Ifindex returns the index of the interface, 0 if it is not known.
func (e *Event) Ifindex() uint32 {
	switch e.Type {
	case api.MessageTypeDrop:
		return e.Drop.Ifindex
	case api.MessageTypeKernelDrop:
		return e.Kernel.Ifindex
	case api.MessageTypeTrace:
		return e.Trace.Ifindex
	case api.MessageTypePolicyVerdict:
		return e.Policy.Ifindex
	case api.MessageTypeCapture:
		switch e.Capture.SubType {
		case api.CaptureDelivery, api.CaptureFromLB, api.CaptureAfterV46, api.CaptureAfterV64, api.CaptureSNATPre, api.CaptureSNATPost:
			return e.Capture.Arg1
		}
	}
	return 0
}

// ProxyPort returns the port of the proxy that the packet goes to, 0 if it goes to none.
func (e *Event) ProxyPort() uint16 {
	switch {
	case e.Type == api.MessageTypeTrace && e.Trace.ObsPoint == api.TraceToProxy:
		return e.Trace.DstID
	case e.Type == api.MessageTypeCapture:
		switch e.Capture.SubType {
		case api.CaptureProxyPre, api.CaptureProxyPost: // in network byte order
			var port [2]byte
			binary.NativeEndian.PutUint16(port[:], uint16(e.Capture.Arg1))
			return binary.BigEndian.Uint16(port[:])
		}
	}
	return 0
}
