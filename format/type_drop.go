// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

var dropType = descriptor{
	decode:   decodeSample,
	line:     (*Formatter).appendDrop,
	fields:   (*Formatter).appendDropFields,
	json:     (*Formatter).appendJSONDrop,
	kind:     func(e *Event) summaryKind { return summaryKind{a: e.sample.Drop.SubType} },
	kindName: func(k summaryKind) string { return api.DropReason(k.a) + " (" + strconv.Itoa(int(k.a)) + ")" },
	packet: func(e *Event) packetInfo {
		n := &e.sample.Drop
		return packetInfo{origLen: n.OrigLen, l3: n.IsL3Device(), tunnel: tunnelOf(n.Flags)}
	},
	ifindex: func(e *Event) uint32 { return e.sample.Drop.Ifindex },
	from:    func(e *Event) (uint64, bool) { return uint64(e.sample.Drop.Source), true },
	to:      func(e *Event) (uint64, bool) { return uint64(e.sample.Drop.DstID), true },
	hasIdentity: func(e *Event, id uint64) bool {
		return uint64(e.sample.Drop.SrcLabel) == id || uint64(e.sample.Drop.DstLabel) == id
	},
	dropReason: func(e *Event) uint8 { return e.sample.Drop.SubType },
}

func (f *Formatter) appendDrop(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	dst = f.begin(dst, colorDrop)
	dst = append(dst, "xx drop ("...)
	dst = inert.Append(dst, api.DropReasonExt(n.SubType, n.ExtError))
	dst = f.end(append(dst, ')'), colorDrop)
	dst = appendHex(append(dst, " flow "...), uint64(n.Hash))
	dst = appendUint(dst, " to endpoint ", uint64(n.DstID))
	dst = appendUint(dst, ", ifindex ", uint64(n.Ifindex))
	dst = appendSourceLine(append(dst, ", file "...), n)
	dst = appendIPTraceID(dst, n.IPTraceID)
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	return e.dissection().appendSummary(append(dst, ": "...))
}

func (f *Formatter) appendDropFields(dst []byte, e *Event) []byte {
	n := &e.sample.Drop
	dst = f.appendOrigin(dst, e, n.Hash, n.Source)
	dst = append(dst, ' ')
	dst = append(f.begin(dst, colorDrop), "DROP: "...)
	dst = appendLengths(dst, n.OrigLen, n.CapLen)
	dst = inert.Append(append(dst, ", reason "...), api.DropReasonExt(n.SubType, n.ExtError))
	dst = f.end(dst, colorDrop)
	dst = appendSourceLine(append(dst, ", file "...), n)
	if n.Ifindex != 0 {
		dst = inert.Append(append(dst, ", interface "...), e.interfaceName(n.Ifindex))
	}
	dst = f.appendIdentities(append(dst, ", identity "...), n.SrcLabel, n.DstLabel)
	if n.DstID != 0 {
		dst = appendUint(dst, ", to endpoint ", uint64(n.DstID))
	}
	return appendIPTraceID(dst, n.IPTraceID)
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
