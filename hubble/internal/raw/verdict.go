// SPDX-License-Identifier: Apache-2.0

package raw

import (
	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api"
)

// Verdict returns what became of the packet.
func (e *Event) Verdict() flowpb.Verdict {
	switch e.Type {
	case api.MessageTypeDrop, api.MessageTypeKernelDrop:
		return flowpb.Verdict_DROPPED
	case api.MessageTypeTrace:
		return flowpb.Verdict_FORWARDED
	case api.MessageTypePolicyVerdict:
		switch n := &e.Policy; {
		case n.Verdict < 0:
			return flowpb.Verdict_DROPPED
		case n.Verdict > 0:
			return flowpb.Verdict_REDIRECTED
		case n.IsAudited():
			return flowpb.Verdict_AUDIT
		default:
			return flowpb.Verdict_FORWARDED
		}
	case api.MessageTypeTraceSock:
		switch e.Sock.XlatePoint {
		case api.XlatePointPreFwd, api.XlatePointPreRev:
			return flowpb.Verdict_TRACED
		case api.XlatePointPostFwd, api.XlatePointPostRev:
			return flowpb.Verdict_TRANSLATED
		}
	}
	return flowpb.Verdict_VERDICT_UNKNOWN
}

// DropReason returns why the packet was dropped, 0 if it was not, or by the kernel, whose reasons the API has no numbers for.
func (e *Event) DropReason() uint32 {
	switch {
	case e.Type == api.MessageTypeDrop:
		return uint32(e.Drop.SubType)
	case e.Type == api.MessageTypePolicyVerdict && e.Policy.Verdict < 0:
		return uint32(-e.Policy.Verdict)
	default:
		return 0
	}
}

// SubType returns what an event type of flows has besides the message type.
func (e *Event) SubType() uint8 {
	switch e.Type {
	case api.MessageTypeDrop:
		return e.Drop.SubType
	case api.MessageTypeTrace:
		return e.Trace.ObsPoint
	case api.MessageTypePolicyVerdict:
		return e.Policy.SubType
	case api.MessageTypeCapture:
		return e.Capture.SubType
	case api.MessageTypeTraceSock:
		return e.Sock.XlatePoint
	case api.MessageTypeKernelDrop:
		return e.Kernel.Direction
	default:
		return e.Debug.SubType
	}
}
