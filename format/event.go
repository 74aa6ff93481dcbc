// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"slices"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
)

// Event is a decoded payload. It is made to be decoded into again and again. Not
// safe for concurrent use.
type Event struct {
	interfaceName func(ifindex uint32) string
	interfaces    *InterfaceNames // that interfaceName is of, nil if it is of none

	payload *payload.Payload
	sample  api.Event
	record  accesslog.LogRecord
	err     error

	// desc is of the event's type, nil for losses and for types that nobody knows.
	desc    *descriptor
	pending bool // the event of a lazy type is not decoded yet

	dissected bool
	packet    dissection
	cilium    ciliumPacket

	denied *api.PolicyVerdictNotify // of a drop: the verdict before it that is printed with it, see Joiner

	brevity brevity // of the line that is printed

	denyRules denyRules

	own  Sample // of a registered type
	line Line   // that own is printed on
	json Object
}

// NewEvent returns an event to decode payloads into. interfaceName returns the name
// of a network interface; nil stands for those of this process's network namespace, see
// [InterfaceNames]: that is for who is in the namespace of the agent. Decode must be called
// before anything else.
func NewEvent(interfaceName func(ifindex uint32) string) *Event {
	e := &Event{interfaceName: interfaceName}
	if interfaceName == nil {
		e.SetInterfaces(NewInterfaceNames(Interfaces))
	}
	return e
}

// SetInterfaces gives the events that e becomes from now on the names of other interfaces, also
// the alternative ones.
func (e *Event) SetInterfaces(names *InterfaceNames) {
	e.interfaceName, e.interfaces = names.Name, names
}

// Decode makes e the event of pl. Until the next Decode, e uses pl, which must not
// change.
func (e *Event) Decode(pl *payload.Payload) {
	e.payload = pl
	e.desc = nil
	e.err = nil
	e.pending = false
	e.dissected = false
	e.denyRules.reset()
	e.denied = nil
	e.sample.Type = api.MessageTypeUnspec
	e.sample.Packet = nil
	switch pl.Type {
	case payload.RecordLost:
	case payload.EventSample:
		e.decodeSample()
	default:
		e.err = fmt.Errorf("decode payload: unknown payload type %d: got %d bytes, %d lost events", pl.Type, len(pl.Data), pl.Lost)
	}
}

func (e *Event) decodeSample() {
	data := e.payload.Data
	if len(data) > 0 {
		e.sample.Type = int(data[0])
		e.desc = descriptors.Load()[data[0]]
	}
	switch {
	case e.desc == nil:
		e.err = unknownType(data)
	case e.desc.lazy:
		e.pending = true
	default:
		e.err = e.desc.decode(e)
	}
	e.denyRules.follow(e)
}

// unknownType returns the error of a sample whose type has no descriptor. It may have a
// name all the same.
func unknownType(sample []byte) error {
	typ, err := api.MessageType(sample)
	if err == nil {
		err = &api.DecodeError{Type: typ, Got: len(sample), Err: api.ErrUnknownType}
	}
	return err
}

// decodeSample is descriptor.decode of the types that package api decodes.
func decodeSample(e *Event) error { return e.sample.Decode(e.payload.Data) }

// Type returns the message type of e, one of the MessageType constants of package
// api, or another number if Err is not nil. It is 0 for lost events.
func (e *Event) Type() int { return e.sample.Type }

// Lost returns how many events were lost if that is what e tells of, else 0.
func (e *Event) Lost() uint64 {
	if e.payload.Type == payload.RecordLost {
		return e.payload.Lost
	}
	return 0
}

// rateLimitText says which limit left out events of a message type.
func rateLimitText(typ string) string {
	if typ == api.MessageTypeName(api.MessageTypeKernelDrop) {
		return kernelLimitText
	}
	return "more than the datapath's rate limit allows"
}

// kernelLimitText is the limit of what is told of the drops of the kernel, which is in bpf/kernel_drops.c.
const kernelLimitText = "more of one kind than 1000 a second on a CPU"

// RateLimited tells whether e is a loss of events that the datapath did not make, since there were more than its rate limit
// allows, and returns the name of their message type.
func (e *Event) RateLimited() (typ string, ok bool) {
	number, ok := e.payload.RateLimited()
	if !ok {
		return "", false
	}
	return api.MessageTypeName(int(number)), true
}

// Err returns why the sample could not be decoded, nil if it could.
func (e *Event) Err() error {
	if e.pending {
		e.pending = false
		e.err = e.desc.decode(e)
	}
	return e.err
}

// Packet returns the captured part of the packet and the length of the whole packet in
// bytes. data shares memory with the payload. It is nil for events without a packet and
// those that cannot be decoded, and not nil for one of which nothing was captured.
func (e *Event) Packet() (data []byte, origLen uint32) {
	if e.Err() != nil {
		return nil, 0
	}
	return e.sample.Packet, e.packetInfo().origLen
}

// IsL3Device reports whether the packet begins with the IP header, without Ethernet.
func (e *Event) IsL3Device() bool { return e.Err() == nil && e.packetInfo().l3 }

// packetInfo describes the packet of e, which is decoded.
func (e *Event) packetInfo() packetInfo {
	if e.desc == nil || e.desc.packet == nil {
		return packetInfo{}
	}
	return e.desc.packet(e)
}

// Interface returns index and name of the network interface of e; 0 and "" if
// it has none.
func (e *Event) Interface() (ifindex uint32, name string) {
	ifindex = e.ifindex()
	if ifindex == 0 {
		return 0, ""
	}
	return ifindex, e.nameOf(ifindex)
}

// nameOf returns the name of the network interface of e, which is decoded and has one.
func (e *Event) nameOf(ifindex uint32) string {
	if e.desc.ifname != nil {
		if name := e.desc.ifname(e); name != "" {
			return name
		}
	}
	return e.interfaceName(ifindex)
}

// hasInterface reports whether a name of the network interface of e is one.
func (e *Event) hasInterface(is func(name string) bool) bool {
	ifindex := e.ifindex()
	switch {
	case ifindex == 0:
		return false
	case e.desc.ifname != nil && e.nameOf(ifindex) != e.interfaceName(ifindex): // of another network namespace
		return is(e.nameOf(ifindex))
	case e.interfaces != nil:
		i := e.interfaces.get(ifindex)
		return is(i.Name) || slices.ContainsFunc(i.AltNames, is)
	default:
		return is(e.interfaceName(ifindex))
	}
}

func (e *Event) ifindex() uint32 {
	if e.desc == nil || e.desc.ifindex == nil || e.Err() != nil {
		return 0
	}
	return e.desc.ifindex(e)
}

// dissection returns the layers of the packet, none if e has no packet.
func (e *Event) dissection() *dissection {
	if !e.dissected {
		e.dissected = true
		info := e.packetInfo()
		e.packet.Dissect(e.sample.Packet, info.l3, info.tunnel)
	}
	return &e.packet
}
