// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/explain"
	"github.com/cilium/monitor/internal/inert"
	"github.com/cilium/monitor/internal/packet"
)

var dropType = descriptor{
	decode: decodeSample,
	line:   (*Formatter).appendDrop,
	cilium: (*Formatter).appendCiliumDrop,
	json:   (*Formatter).appendJSONDrop,
	kind: func(e *Event) summaryKind {
		_, rule := e.DenyRule()
		return summaryKind{a: e.sample.Drop.SubType, text: rule}
	},
	kindName: func(k summaryKind) string {
		name := api.DropReason(k.a) + " (" + strconv.Itoa(int(k.a)) + ")"
		if k.text != "" {
			name += ", rule " + k.text
		}
		return name
	},
	packet: func(e *Event) packetInfo {
		n := &e.sample.Drop
		return packetInfo{origLen: n.OrigLen, l3: n.IsL3Device(), tunnel: packet.TunnelOf(n.Flags)}
	},
	ifindex: func(e *Event) uint32 { return e.sample.Drop.Ifindex },
	from:    func(e *Event) (uint64, bool) { return uint64(e.sample.Drop.Source), true },
	to:      func(e *Event) (uint64, bool) { return uint64(e.sample.Drop.DstID), true },
	hasIdentity: func(e *Event, id uint64) bool {
		return uint64(e.sample.Drop.SrcLabel) == id || uint64(e.sample.Drop.DstLabel) == id
	},
	dropReason: func(e *Event) uint8 { return e.sample.Drop.SubType },
	meaning: func(e *Event) string {
		reason, _ := explain.Datapath(api.DropReason(e.sample.Drop.SubType))
		return reason.Meaning
	},
	function: func(e *Event) string {
		if e.sample.Drop.File == 0 {
			return ""
		}
		return string(appendSourceLine(nil, &e.sample.Drop))
	},
}

func (f *Formatter) appendDrop(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	d := details{dst: e.dissection().appendSummary(f.appendWord(dst, colorDrop, wordDrop))}
	dst = f.begin(d.next(), colorDrop)
	if _, rule := e.DenyRule(); rule != "" && e.brevity >= withoutState {
		d.dst = f.end(inert.Append(append(dst, "rule "...), rule), colorDrop) // which says that it was policy
	} else {
		d.dst = f.end(inert.Append(dst, api.DropReasonExt(n.SubType, n.ExtError)), colorDrop)
	}
	if e.brevity < withoutPlace {
		d.place(e, n.Ifindex)
	}
	if e.brevity < withoutEndpoints {
		d.endpoints(uint64(n.Source), uint64(n.DstID))
	}
	if e.brevity < withoutIdentities {
		d.identities(f, n.SrcLabel, n.DstLabel)
	}
	switch {
	case e.denied != nil:
		d = f.appendPolicy(d, e, e.denied)
	case e.brevity < withoutState:
		d.rule(e)
	}
	if e.brevity < withoutOrigin {
		d.uint("ip-trace-id ", n.IPTraceID)
	}
	if f.all() && n.File != 0 {
		d.dst = appendSourceLine(d.next(), n)
	}
	return f.appendPacketDetails(d, e, n.Hash, n.OrigLen, n.CapLen).dst
}

func (f *Formatter) appendJSONDrop(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	dst = appendJSONHead(dst, e, "drop")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendStringMember(dst, "reason", api.DropReasonExt(n.SubType, n.ExtError))
	dst = appendUintMember(dst, "source", uint64(n.Source))
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "srcLabel", uint64(n.SrcLabel))
	dst = appendUintMember(dst, "dstLabel", uint64(n.DstLabel))
	dst = appendUintMember(dst, "dstID", uint64(n.DstID))
	dst = appendUintMember(dst, "Line", uint64(n.Line))
	dst = appendUintMember(dst, "File", uint64(n.File))
	dst = appendIntMember(dst, "ExtError", int64(n.ExtError))
	dst = appendUintMember(dst, "Ifindex", uint64(n.Ifindex))
	if n.Ifindex != 0 {
		dst = appendStringMember(dst, "interface", e.interfaceName(n.Ifindex))
	}
	if n.IPTraceID != 0 {
		dst = appendUintMember(dst, "IPTraceID", n.IPTraceID)
	}
	dst = appendJSONDenyRule(dst, e)
	return e.dissection().appendJSONSummary(dst)
}

// appendSourceLine appends where in the datapath a packet was dropped.
func appendSourceLine(dst []byte, n *api.DropNotify) []byte {
	dst = inert.Append(dst, api.DropFile(n.File))
	return appendUint(dst, ":", uint64(n.Line))
}
