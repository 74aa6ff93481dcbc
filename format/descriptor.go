// SPDX-License-Identifier: Apache-2.0

package format

import (
	"sync/atomic"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/packet"
)

// descriptor is all that this package knows about a message type: there is no switch on
// types. What says "nil" is nil for types that have no such thing.
type descriptor struct {
	// level is the lowest that prints the type.
	level Level

	// lazy types are decoded when something of an event is asked for: that is expensive,
	// and for nothing if a filter wants another type.
	lazy bool

	// decode decodes e.payload.Data into the fields of e.
	decode func(e *Event) error

	// line appends the line of OutputCompact without the time and the end.
	line func(f *Formatter, dst []byte, e *Event) []byte

	// cilium appends what Cilium's formatter prints, complete. nil: it does not know the type.
	cilium func(f *Formatter, dst []byte, e *Event) []byte

	// json appends the members of the JSON object.
	json func(f *Formatter, dst []byte, e *Event) []byte

	// kind returns what a summary counts e as, without the type, and kindName what
	// it calls that, "" if it has no kinds of the type.
	kind     func(e *Event) summaryKind
	kindName func(k summaryKind) string

	// packet describes e.sample.Packet. nil: there is none.
	packet func(e *Event) packetInfo

	// traffic returns what e says itself of who talks to whom. nil: only the packet says it.
	traffic func(e *Event) traffic

	// ifindex returns the index of the network interface, 0 for an event that has none. nil.
	ifindex func(e *Event) uint32

	// ifname returns the interface's name, "" for an event that has none. nil: the index has to be looked up.
	ifname func(e *Event) string

	// from and to return the endpoints that the traffic comes from and goes to, false for an
	// event that does not tell. nil.
	from, to func(e *Event) (id uint64, ok bool)

	// anyEndpoint types match whatever endpoint a filter asks for.
	anyEndpoint bool

	// hasIdentity reports whether source or destination has a security identity. nil.
	hasIdentity func(e *Event, id uint64) bool

	// dropReason returns why a packet was dropped. nil.
	dropReason func(e *Event) uint8

	// meaning returns what dropReason means, for people, "" if nobody knows. nil: e is no drop.
	meaning func(e *Event) string

	// dropReasonName returns why the kernel dropped a packet. nil.
	dropReasonName func(e *Event) string

	// function returns where the packet was dropped, "" if that is not known. nil: e is no drop.
	function func(e *Event) string

	// more returns how many packets e stands for besides its own. nil.
	more func(e *Event) uint64

	// verdict returns one of verdicts, or "". Both nil.
	verdict  func(e *Event) string
	verdicts []string
}

// packetInfo is what an event says about its packet.
type packetInfo struct {
	origLen uint32        // length of the whole packet in bytes
	l3      bool          // it begins with the IP header
	tunnel  packet.Tunnel // it is the outer packet of one
}

// descriptorTable has the descriptor of each message type, nil for what is none.
type descriptorTable [256]*descriptor

// builtin are the types of Cilium and this module. Each has a file of its own, named type_*.go.
var builtin = descriptorTable{
	api.MessageTypeDrop:          &dropType,
	api.MessageTypeDebug:         &debugType,
	api.MessageTypeCapture:       &captureType,
	api.MessageTypeTrace:         &traceType,
	api.MessageTypePolicyVerdict: &policyVerdictType,
	api.MessageTypeTraceSock:     &traceSockType,
	api.MessageTypeKernelDrop:    &kernelDropType,
	api.MessageTypeAccessLog:     &accessLogType,
	api.MessageTypeAgent:         &agentType,
}

// descriptors has the types that are built in and those that are registered. Each change
// makes a new table, so that readers take no lock.
var descriptors = func() *atomic.Pointer[descriptorTable] {
	p := new(atomic.Pointer[descriptorTable])
	p.Store(&builtin)
	return p
}()

// typeSet is a set of message types.
type typeSet [4]uint64

// typesWith returns the types that have something.
func typesWith(has func(d *descriptor) bool) typeSet {
	var s typeSet
	for typ, d := range descriptors.Load() {
		if d != nil && has(d) {
			s = s.with(typ)
		}
	}
	return s
}

func (s typeSet) with(typ int) typeSet {
	s[typ/64] |= 1 << (typ % 64)
	return s
}

func (s typeSet) has(typ int) bool { return s[typ/64]&(1<<(typ%64)) != 0 }

func (s typeSet) empty() bool { return s == typeSet{} }

func (s typeSet) or(o typeSet) typeSet {
	for i := range s {
		s[i] |= o[i]
	}
	return s
}

func (s typeSet) and(o typeSet) typeSet {
	for i := range s {
		s[i] &= o[i]
	}
	return s
}

func (s typeSet) without(o typeSet) typeSet {
	for i := range s {
		s[i] &^= o[i]
	}
	return s
}

// everyType returns all types that have names, also those from a recording that nobody can decode here.
func everyType() (s typeSet) {
	for typ := range api.MessageTypes() {
		s = s.with(int(typ))
	}
	return s
}

func hasPacket(d *descriptor) bool { return d.packet != nil }

func hasTraffic(d *descriptor) bool { return d.packet != nil || d.traffic != nil }
