// SPDX-License-Identifier: Apache-2.0

package api

// Event is a decoded sample of any message type. It is made to be decoded into again
// and again: the types of the datapath need no allocation, but for a text of a [KernelDropNotify] that is another than before. Not safe for concurrent use.
type Event struct {
	// Type is the message type, and says which of the fields below is set. The
	// others have what an earlier Decode left there. For [MessageTypeAccessLog], which
	// package accesslog decodes, and for types of [RegisterMessageType] none is set.
	Type int

	Drop          DropNotify
	Debug         DebugMsg
	Capture       DebugCapture
	Trace         TraceNotify
	PolicyVerdict PolicyVerdictNotify
	TraceSock     TraceSockNotify
	KernelDrop    KernelDropNotify
	Agent         AgentNotify

	// Packet is the captured packet without padding. It shares the sample's memory,
	// and is nil for the types without packet data.
	Packet []byte
}

// Decode sets e from a sample. After an error in the packet data alone (CapLen does not
// agree with the length of the sample), Type and its struct are set all the same.
func (e *Event) Decode(sample []byte) error {
	var err error
	e.Packet = nil
	e.Type = MessageTypeUnspec
	if len(sample) > 0 {
		e.Type = int(sample[0])
	}
	switch e.Type {
	case MessageTypeDrop:
		if err = e.Drop.Decode(sample); err == nil {
			e.Packet, err = e.Drop.PacketData(sample)
		}
	case MessageTypeDebug:
		err = e.Debug.Decode(sample)
	case MessageTypeCapture:
		if err = e.Capture.Decode(sample); err == nil {
			e.Packet, err = e.Capture.PacketData(sample)
		}
	case MessageTypeTrace:
		if err = e.Trace.Decode(sample); err == nil {
			e.Packet, err = e.Trace.PacketData(sample)
		}
	case MessageTypePolicyVerdict:
		if err = e.PolicyVerdict.Decode(sample); err == nil {
			e.Packet, err = e.PolicyVerdict.PacketData(sample)
		}
	case MessageTypeTraceSock:
		err = e.TraceSock.Decode(sample)
	case MessageTypeKernelDrop:
		if err = e.KernelDrop.Decode(sample); err == nil {
			e.Packet, err = e.KernelDrop.PacketData(sample)
		}
	case MessageTypeAgent:
		err = e.Agent.Decode(sample)
	default:
		_, err = MessageType(sample)
	}
	return err
}
