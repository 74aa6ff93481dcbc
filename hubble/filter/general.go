// SPDX-License-Identifier: Apache-2.0

package filter

import (
	"math"
	"slices"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/internal/raw"
)

// eventType is a type of events, or any if it is 0, with a subtype or any.
type eventType struct {
	typ, subType int32
	anySubType   bool
}

func (t eventType) is(typ, subType int32) bool {
	return (t.typ == 0 || t.typ == typ) && (t.anySubType || t.subType == subType)
}

func addEventTypes(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetEventType()) == 0 {
		return nil
	}
	var wanted []eventType
	var types typeSet
	for _, t := range ff.GetEventType() {
		wanted = append(wanted, eventType{t.GetType(), t.GetSubType(), !t.GetMatchSubType()})
		switch typ := t.GetType(); {
		case typ == 0:
			types.add(flowTypes)
		case typ > 0 && typ <= math.MaxUint8:
			types.add(typesOf(uint8(typ)))
		}
	}
	o.types.only(types)
	o.need(func(f *flowpb.Flow) bool {
		has := f.GetEventType()
		return has != nil && slices.ContainsFunc(wanted, func(t eventType) bool { return t.is(has.GetType(), has.GetSubType()) })
	})
	o.needRaw(func(e *raw.Event) bool {
		typ, subType := int32(e.Type), int32(e.SubType())
		return slices.ContainsFunc(wanted, func(t eventType) bool { return t.is(typ, subType) })
	})
	return nil
}

func addVerdicts(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetVerdict()) > 0 {
		wanted := oneOf(ff.GetVerdict())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetVerdict()) })
		o.needRaw(func(e *raw.Event) bool { return wanted(e.Verdict()) })
		o.types.only(typesOfVerdicts(ff.GetVerdict()))
	}
	if len(ff.GetDropReasonDesc()) > 0 {
		wanted := oneOf(ff.GetDropReasonDesc())
		o.need(func(f *flowpb.Flow) bool {
			return f.GetVerdict() == flowpb.Verdict_DROPPED && wanted(f.GetDropReasonDesc())
		})
		o.needRaw(func(e *raw.Event) bool {
			return e.Verdict() == flowpb.Verdict_DROPPED && wanted(flowpb.DropReason(e.DropReason()))
		})
		types := typesOf(api.MessageTypeDrop, api.MessageTypePolicyVerdict)
		if wanted(flowpb.DropReason_DROP_REASON_UNKNOWN) {
			types = typesOfVerdicts([]flowpb.Verdict{flowpb.Verdict_DROPPED})
		}
		o.types.only(types)
		o.dropReasons = []uint8{}
		for _, reason := range ff.GetDropReasonDesc() {
			if reason >= 0 && reason <= math.MaxUint8 {
				o.dropReasons = append(o.dropReasons, uint8(reason))
			}
		}
		if len(o.dropReasons) == 0 { // no drop can match
			o.types.only(complement(typesOf(api.MessageTypeDrop)))
		}
	}
	return nil
}

// typesOfVerdicts returns the types of events that can have one of the verdicts.
func typesOfVerdicts(verdicts []flowpb.Verdict) typeSet {
	types := accessLogType
	for _, v := range verdicts {
		switch v {
		case flowpb.Verdict_DROPPED:
			types.add(typesOf(api.MessageTypeDrop, api.MessageTypePolicyVerdict, api.MessageTypeKernelDrop))
		case flowpb.Verdict_FORWARDED:
			types.add(typesOf(api.MessageTypeTrace, api.MessageTypePolicyVerdict))
		case flowpb.Verdict_REDIRECTED, flowpb.Verdict_AUDIT:
			types.add(typesOf(api.MessageTypePolicyVerdict))
		case flowpb.Verdict_VERDICT_UNKNOWN:
			types.add(typesOf(api.MessageTypeCapture, api.MessageTypeTraceSock))
		case flowpb.Verdict_TRACED, flowpb.Verdict_TRANSLATED:
			types.add(typesOf(api.MessageTypeTraceSock))
		case flowpb.Verdict_ERROR: // of records alone
		}
	}
	return types
}

// addConnection adds what is asked of the connection: which way it goes, whether the packet is a reply, or encrypted.
func addConnection(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetTrafficDirection()) > 0 {
		wanted := oneOf(ff.GetTrafficDirection())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetTrafficDirection()) })
	}
	if len(ff.GetReply()) > 0 {
		wanted := oneOf(ff.GetReply())
		// What is dropped is no reply, unless it is known to be one: clients that know nothing of "unknown" expect that.
		o.need(func(f *flowpb.Flow) bool {
			return (f.GetIsReply() != nil || f.GetVerdict() == flowpb.Verdict_DROPPED) && wanted(f.GetIsReply().GetValue())
		})
		o.needRaw(func(e *raw.Event) bool {
			reply, known := e.IsReply()
			return (known || e.Verdict() == flowpb.Verdict_DROPPED) && wanted(reply)
		})
	}
	if len(ff.GetEncrypted()) > 0 {
		wanted := oneOf(ff.GetEncrypted())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetIP().GetEncrypted()) })
	}
	return nil
}

func addIdentities(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetSourceIdentity()) > 0 {
		wanted := oneOf(ff.GetSourceIdentity())
		o.need(func(f *flowpb.Flow) bool { return f.GetSource() != nil && wanted(f.GetSource().GetIdentity()) })
		o.needRaw(func(e *raw.Event) bool {
			source, _ := e.Identities()
			return source == 0 || wanted(source) // 0 may be found out
		})
	}
	if len(ff.GetDestinationIdentity()) > 0 {
		wanted := oneOf(ff.GetDestinationIdentity())
		o.need(func(f *flowpb.Flow) bool {
			return f.GetDestination() != nil && wanted(f.GetDestination().GetIdentity())
		})
		o.needRaw(func(e *raw.Event) bool {
			_, destination := e.Identities()
			return destination == 0 || wanted(destination)
		})
	}
	return nil
}

// addOrigin adds what is asked of where the flow was seen, and of its numbers.
func addOrigin(o *one, ff *flowpb.FlowFilter) error {
	if len(ff.GetUuid()) > 0 {
		wanted := oneOf(ff.GetUuid())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetUuid()) })
	}
	if len(ff.GetTraceId()) > 0 {
		wanted := oneOf(ff.GetTraceId())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetTraceContext().GetParent().GetTraceId()) })
		if !wanted("") {
			o.types.only(accessLogType)
		}
	}
	if len(ff.GetIpTraceId()) > 0 {
		wanted := oneOf(ff.GetIpTraceId())
		o.need(func(f *flowpb.Flow) bool { return wanted(f.GetIpTraceId().GetTraceId()) })
		o.needRaw(func(e *raw.Event) bool { return wanted(e.IPTraceID()) })
	}
	if interfaces := ff.GetInterface(); len(interfaces) > 0 {
		type networkInterface struct {
			index uint32
			name  string
		}
		var wanted []networkInterface
		for _, i := range interfaces {
			wanted = append(wanted, networkInterface{i.GetIndex(), i.GetName()})
		}
		o.types.only(packetTypes)
		o.need(func(f *flowpb.Flow) bool {
			has := f.GetInterface()
			return has != nil && slices.ContainsFunc(wanted, func(i networkInterface) bool {
				return (i.index == 0 || i.index == has.GetIndex()) && (i.name == "" || i.name == has.GetName())
			})
		})
		o.needRaw(func(e *raw.Event) bool {
			ifindex := e.Ifindex()
			return ifindex != 0 && slices.ContainsFunc(wanted, func(i networkInterface) bool { return i.index == 0 || i.index == ifindex })
		})
	}
	return nil
}
