// SPDX-License-Identifier: Apache-2.0

package interest

import (
	"slices"
	"sync"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/internal/packet"
)

// Event is an event of which interests are asked whether they want it. However many they are, its packet is taken
// apart once, and only if it matters. It is made to be used again and again, without allocating. Not safe for
// concurrent use.
type Event struct {
	sample    []byte
	known     bool // what follows is that of sample
	anything  bool // it is taken to have any packet
	decoded   api.Event
	dissected packet.Dissection
}

// events are for those who ask one interest alone.
var events = sync.Pool{New: func() any { return new(Event) }}

// Reset makes e the event of a sample, which e uses until the next Reset. Its first byte is its message type.
func (e *Event) Reset(sample []byte) { e.sample, e.known = sample, false }

// WantsEvent is [Interest.Wants] for an event that several interests are asked of.
func (i *Interest) WantsEvent(e *Event) bool {
	switch {
	case len(e.sample) == 0:
		return true
	case !i.wantsWithout(e.sample):
		return false
	case !i.RefinesPackets(e.sample[0]):
		return true
	default:
		return e.matches(i.Packets)
	}
}

// packetTypes are the message types whose events have a packet that is known.
var packetTypes = []uint8{api.MessageTypeDrop, api.MessageTypeCapture, api.MessageTypeTrace, api.MessageTypePolicyVerdict}

func hasPacket(typ uint8) bool { return slices.Contains(packetTypes, typ) }

// matches tells whether the packet matches any of the rules.
func (e *Event) matches(rules []session.PacketRule) bool {
	if !e.known {
		e.known = true
		e.anything = !e.dissect()
	}
	if e.anything {
		return true
	}
	for i := range rules {
		if e.matchesRule(&rules[i]) {
			return true
		}
	}
	return false
}

// dissect takes the packet apart, and returns whether all of its headers are known.
func (e *Event) dissect() bool {
	if e.decoded.Decode(e.sample) != nil {
		return false
	}
	l3, tunnel := false, packet.TunnelNone
	switch n := &e.decoded; n.Type {
	case api.MessageTypeDrop:
		l3, tunnel = n.Drop.IsL3Device(), packet.TunnelOf(n.Drop.Flags)
	case api.MessageTypeTrace:
		l3, tunnel = n.Trace.IsL3Device(), packet.TunnelOf(n.Trace.Flags)
	case api.MessageTypePolicyVerdict:
		l3 = n.PolicyVerdict.IsL3Device()
	}
	d := &e.dissected
	d.Dissect(e.decoded.Packet, l3, tunnel)
	return d.Outermost().Src.IsValid() && !d.Deeper && d.Layers[len(d.Layers)-1].State == packet.Whole
}

func (e *Event) matchesRule(r *session.PacketRule) bool {
	return (len(r.Protocols) == 0 || slices.ContainsFunc(r.Protocols, e.hasProtocol)) &&
		(len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, e.hasPort)) &&
		(len(r.CIDRs) == 0 || e.hasAddress(r.CIDRs))
}

func (e *Event) hasProtocol(number int) bool {
	if e.decoded.Type == api.MessageTypePolicyVerdict && number != 0 && e.decoded.PolicyVerdict.Proto == uint8(number) {
		return true
	}
	return e.dissected.HasProtocol(packet.Anywhere, uint8(number))
}

func (e *Event) hasPort(r session.PortRange) bool {
	if n := &e.decoded.PolicyVerdict; e.decoded.Type == api.MessageTypePolicyVerdict && n.DstPort != 0 &&
		n.Proto != packet.ICMPv4 && n.Proto != packet.ICMPv6 && // of which it is the type
		r.First <= n.DstPort && n.DstPort <= r.Last {
		return true
	}
	return e.dissected.HasPort(packet.Anywhere, r.First, r.Last, true, true)
}

func (e *Event) hasAddress(networks session.CIDRs) bool {
	for _, network := range networks {
		if e.dissected.HasAddress(packet.Anywhere, network, true, true) {
			return true
		}
	}
	if e.decoded.Type != api.MessageTypeTrace {
		return false
	}
	original := e.decoded.Trace.OriginalIP()
	if original.IsUnspecified() { // it has none
		return false
	}
	for _, network := range networks {
		if network.Contains(original) {
			return true
		}
	}
	return false
}
