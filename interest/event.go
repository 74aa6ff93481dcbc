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
	case !wantsWithout(i, e.sample):
		return false
	case len(i.Packets) == 0 || !hasPacket(e.sample[0]):
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
	if !e.knowsPacket() {
		return true
	}
	for i := range rules {
		if e.matchesRule(&rules[i]) {
			return true
		}
	}
	return false
}

// knowsPacket takes the packet apart, once, and returns whether it is known what it has.
func (e *Event) knowsPacket() bool {
	if !e.known {
		e.known = true
		e.anything = !e.dissect()
	}
	return !e.anything
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
	return (len(r.Ports) == 0 || e.hasPort(r.Ports)) && (len(r.Protocols) == 0 || e.hasProtocol(r.Protocols)) &&
		(len(r.CIDRs) == 0 || e.hasAddress(r.CIDRs))
}

func (e *Event) hasProtocol(numbers []int) bool {
	if n := &e.decoded.PolicyVerdict; e.decoded.Type == api.MessageTypePolicyVerdict && n.Proto != 0 &&
		slices.Contains(numbers, int(n.Proto)) {
		return true
	}
	for _, number := range numbers {
		if e.dissected.HasProtocol(packet.Anywhere, uint8(number)) {
			return true
		}
	}
	return false
}

func (e *Event) hasPort(ranges []session.PortRange) bool {
	said := e.saidPort()
	for _, r := range ranges {
		if said != 0 && r.First <= said && said <= r.Last || e.dissected.HasPort(packet.Anywhere, r.First, r.Last, true, true) {
			return true
		}
	}
	return false
}

// saidPort returns the port that the event says itself, 0 if it says none.
func (e *Event) saidPort() uint16 {
	if n := &e.decoded.PolicyVerdict; e.decoded.Type == api.MessageTypePolicyVerdict &&
		n.Proto != packet.ICMPv4 && n.Proto != packet.ICMPv6 { // of which it is the type
		return n.DstPort
	}
	return 0
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
