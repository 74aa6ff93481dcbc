// SPDX-License-Identifier: Apache-2.0

// Package raw reads samples of the datapath: their fields and the headers of the packet, without making anything of them.
// Flows are made from that, and filters tell by it which events are not worth it.
package raw

import (
	"github.com/cilium/monitor/api"
)

// Event is a sample taken apart. It is made to be decoded into again and again, and allocates nothing. Not safe for
// concurrent use.
type Event struct {
	// Type is the message type, and says which of the structs below is set. The others have what an earlier Decode
	// left there.
	Type uint8

	Drop    api.DropNotify
	Debug   api.DebugMsg
	Capture api.DebugCapture
	Trace   api.TraceNotify
	Policy  api.PolicyVerdictNotify
	Sock    api.TraceSockNotify
	Kernel  KernelDrop

	// Packet is what was captured of the packet, of the types that have one. It shares the sample's memory.
	Packet Packet
}

// Decode sets e from a sample. The error is an [*api.DecodeError], or of [api.MessageType] for types of no datapath and of
// nobody.
func (e *Event) Decode(sample []byte) error {
	if len(sample) == 0 {
		return &api.DecodeError{Want: 1, Err: api.ErrTruncated}
	}
	e.Type = sample[0]
	switch e.Type {
	case api.MessageTypeDrop:
		n := &e.Drop
		if err := n.Decode(sample); err != nil {
			return err
		}
		e.Packet.dissect(captured(sample, n.DataOffset(), n.CapLen), linkOf(n.IsL3Device(), n.IsIPv6()), n.IsVXLAN(), n.IsGeneve())
	case api.MessageTypeTrace:
		n := &e.Trace
		if err := n.Decode(sample); err != nil {
			return err
		}
		e.Packet.dissect(captured(sample, n.DataOffset(), n.CapLen), linkOf(n.IsL3Device(), n.IsIPv6()), n.IsVXLAN(), n.IsGeneve())
	case api.MessageTypePolicyVerdict:
		n := &e.Policy
		if err := n.Decode(sample); err != nil {
			return err
		}
		e.Packet.dissect(captured(sample, n.DataOffset(), n.CapLen), linkOf(n.IsL3Device(), n.IsIPv6()), false, false)
	case api.MessageTypeCapture:
		n := &e.Capture
		if err := n.Decode(sample); err != nil {
			return err
		}
		e.Packet.dissect(captured(sample, n.DataOffset(), n.CapLen), LayerEthernet, false, false)
	case api.MessageTypeKernelDrop:
		n := &e.Kernel
		if err := n.decode(sample); err != nil {
			return err
		}
		e.Packet.dissect(captured(sample, kernelDropLen, n.CapLen), n.first(), false, false)
	case api.MessageTypeTraceSock:
		return e.Sock.Decode(sample)
	case api.MessageTypeDebug:
		return e.Debug.Decode(sample)
	default:
		return &api.DecodeError{Type: int(e.Type), Got: len(sample), Err: api.ErrUnknownType}
	}
	return nil
}

// maxPadding is the most garbage that the kernel leaves behind an event.
const maxPadding = 7

// captured returns the packet in a sample. What follows the captured bytes is garbage if the padding of a record
// explains it. If it does not, their number is wrong, and all is taken that there is.
func captured(sample []byte, offset int, capLen uint16) []byte {
	packet := sample[offset:]
	if padding := len(packet) - int(capLen); padding > 0 && padding <= maxPadding {
		packet = packet[:capLen]
	}
	return packet
}

// linkOf returns the layer that a packet begins with.
func linkOf(l3, ipv6 bool) Layer {
	switch {
	case !l3:
		return LayerEthernet
	case ipv6:
		return LayerIPv6
	default:
		return LayerIPv4
	}
}
