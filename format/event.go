// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"
	"net/netip"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/api/payload"
)

// Event is a decoded payload. It is made to be decoded into again and again. Not
// safe for concurrent use.
type Event struct {
	interfaceName func(ifindex uint32) string

	payload *payload.Payload
	sample  api.Event
	record  accesslog.LogRecord
	err     error

	// pending is set while the gob stream of a user space event is not decoded:
	// that is expensive, and for nothing if a filter wants another type.
	pending bool

	dissected bool
	packet    dissection
}

// NewEvent returns an event to decode payloads into. interfaceName returns the name
// of a network interface; nil stands for those of this host, see [InterfaceNames].
// Decode must be called before anything else.
func NewEvent(interfaceName func(ifindex uint32) string) *Event {
	if interfaceName == nil {
		interfaceName = NewInterfaceNames().Name
	}
	return &Event{interfaceName: interfaceName}
}

// Decode makes e the event of pl. Until the next Decode, e uses pl, which must not
// change.
func (e *Event) Decode(pl *payload.Payload) {
	e.payload = pl
	e.err = nil
	e.pending = false
	e.dissected = false
	e.sample.Type = api.MessageTypeUnspec
	e.sample.Packet = nil
	switch pl.Type {
	case payload.RecordLost:
	case payload.EventSample:
		if typ, err := api.MessageType(pl.Data); err == nil && (typ == api.MessageTypeAgent || typ == api.MessageTypeAccessLog) {
			e.sample.Type = typ
			e.pending = true
			return
		}
		e.err = e.sample.Decode(pl.Data)
	default:
		e.err = fmt.Errorf("decode payload: unknown payload type %d: got %d bytes, %d lost events", pl.Type, len(pl.Data), pl.Lost)
	}
}

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

// Err returns why the sample could not be decoded, nil if it could.
func (e *Event) Err() error {
	if e.pending {
		e.pending = false
		if e.sample.Type == api.MessageTypeAgent {
			e.err = e.sample.Agent.Decode(e.payload.Data)
		} else {
			e.err = e.record.Decode(e.payload.Data)
		}
	}
	return e.err
}

// Packet returns the captured part of the packet and the length of the whole packet in
// bytes. data shares memory with the payload. Events of types without packets and those
// that cannot be decoded have nil and 0.
func (e *Event) Packet() (data []byte, origLen uint32) {
	if e.err != nil {
		return nil, 0
	}
	switch e.sample.Type {
	case api.MessageTypeDrop:
		origLen = e.sample.Drop.OrigLen
	case api.MessageTypeTrace:
		origLen = e.sample.Trace.OrigLen
	case api.MessageTypeCapture:
		origLen = e.sample.Capture.OrigLen
	case api.MessageTypePolicyVerdict:
		origLen = e.sample.PolicyVerdict.OrigLen
	default:
		return nil, 0
	}
	return e.sample.Packet, origLen
}

// IsL3Device reports whether the packet begins with the IP header, without Ethernet.
func (e *Event) IsL3Device() bool {
	switch e.sample.Type {
	case api.MessageTypeDrop:
		return e.sample.Drop.IsL3Device()
	case api.MessageTypeTrace:
		return e.sample.Trace.IsL3Device()
	case api.MessageTypePolicyVerdict:
		return e.sample.PolicyVerdict.IsL3Device()
	default:
		return false
	}
}

// Interface returns index and name of the network interface of e; 0 and "" if
// it has none.
func (e *Event) Interface() (ifindex uint32, name string) {
	ifindex = e.ifindex()
	if ifindex == 0 {
		return 0, ""
	}
	return ifindex, e.interfaceName(ifindex)
}

func (e *Event) ifindex() uint32 {
	if e.err != nil {
		return 0
	}
	switch e.sample.Type {
	case api.MessageTypeDrop:
		return e.sample.Drop.Ifindex
	case api.MessageTypeTrace:
		return e.sample.Trace.Ifindex
	case api.MessageTypeCapture:
		switch e.sample.Capture.SubType {
		case api.CaptureDelivery, api.CaptureFromLB, api.CaptureAfterV46, api.CaptureAfterV64, api.CaptureSNATPre, api.CaptureSNATPost:
			return e.sample.Capture.Arg1
		}
	}
	return 0
}

// tunnel returns which tunnel the datapath says that the packet is of.
func (e *Event) tunnel() tunnel {
	var flags uint8
	switch e.sample.Type {
	case api.MessageTypeDrop:
		flags = e.sample.Drop.Flags
	case api.MessageTypeTrace:
		flags = e.sample.Trace.Flags
	}
	switch {
	case flags&api.FlagVXLAN != 0:
		return tunnelVXLAN
	case flags&api.FlagGeneve != 0:
		return tunnelGeneve
	default:
		return tunnelNone
	}
}

// dissection returns the layers of the packet, none if e has no packet.
func (e *Event) dissection() *dissection {
	if !e.dissected {
		e.dissected = true
		e.packet.dissect(e.sample.Packet, e.IsL3Device(), e.tunnel())
	}
	return &e.packet
}

// connection returns the addresses that e is about. Of a tunnel, those are of
// what it carries.
func (e *Event) connection() connection {
	switch e.sample.Type {
	case api.MessageTypeTraceSock:
		n := &e.sample.TraceSock
		c := connection{dst: n.Addr().Unmap(), dstPort: n.DstPort, hasPorts: true}
		switch n.L4Proto {
		case api.TraceSockTCP:
			c.protocol, c.hasProtocol = protocolTCP, true
		case api.TraceSockUDP:
			c.protocol, c.hasProtocol = protocolUDP, true
		}
		return c
	case api.MessageTypeAccessLog:
		src, dst := &e.record.SourceEndpoint, &e.record.DestinationEndpoint
		return connection{
			src: endpointAddr(src, e.record.IPVersion), dst: endpointAddr(dst, e.record.IPVersion),
			srcPort: src.Port, dstPort: dst.Port, hasPorts: true,
			protocol: uint8(e.record.TransportProtocol), hasProtocol: e.record.TransportProtocol != 0,
		}
	default:
		return e.dissection().inner.conn
	}
}

// endpointAddr returns the address of one side of an access log record, the zero
// Addr if it has none. An endpoint can have one of each version.
func endpointAddr(e *accesslog.EndpointInfo, version accesslog.IPVersion) netip.Addr {
	text := e.IPv4
	if version == accesslog.VersionIPv6 {
		text = e.IPv6
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}
