// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/internal/packet"
)

// Kind returns what a summary counts e as within its type: the reason of a drop, the direction and action of a policy
// verdict. It is "" for types that have no kinds, for losses, and for what cannot be decoded.
func (e *Event) Kind() string {
	if e.Err() != nil || e.desc == nil {
		return ""
	}
	k := e.desc.kind(e)
	if e.err != nil { // of an own type, whose function failed
		return ""
	}
	return e.desc.kindName(k)
}

// IsDrop reports whether e is a dropped packet.
func (e *Event) IsDrop() bool { return e.desc != nil && e.desc.meaning != nil && e.Err() == nil }

// Function returns where the packet of a drop was dropped, a function of the kernel or a line of the datapath's source,
// "" if that is not known, and for other events.
func (e *Event) Function() string {
	if !e.IsDrop() {
		return ""
	}
	return e.desc.function(e)
}

// Packets returns how many packets e stands for, itself included: of some drops one event in many tells.
func (e *Event) Packets() uint64 {
	if e.desc == nil || e.desc.more == nil || e.Err() != nil {
		return 1
	}
	return 1 + e.desc.more(e)
}

// AppendConversation appends who talks to whom, by the innermost headers of the packet, in a way that all packets of
// one direction have in common: of two ports only the lower one, which is most often the service's. It appends
// nothing for events without an IP packet.
func (e *Event) AppendConversation(dst []byte) []byte {
	if e.Err() != nil || e.desc == nil || e.desc.packet == nil {
		return dst
	}
	c := &e.dissection().Innermost().Connection
	if !c.Src.IsValid() {
		return dst
	}
	src, dstPort := c.SrcPort, c.DstPort
	if !c.HasPorts || c.Protocol == packet.ICMPv4 || c.Protocol == packet.ICMPv6 {
		src, dstPort = 0, 0
	}
	if src < dstPort {
		dstPort = 0
	} else if src > dstPort {
		src = 0
	}
	dst = append(appendService(dst, c.Src, src), " -> "...)
	dst = append(appendService(dst, c.Dst, dstPort), ' ')
	return appendProtocolName(dst, c.Protocol)
}

// appendService appends an address, and a port unless that is 0.
func appendService(dst []byte, addr netip.Addr, port uint16) []byte {
	if port == 0 {
		return addr.AppendTo(dst)
	}
	return netip.AddrPortFrom(addr, port).AppendTo(dst)
}
