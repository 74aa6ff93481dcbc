// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/explain"
	"github.com/cilium/monitor/internal/inert"
)

var kernelDropType = descriptor{
	decode:   decodeSample,
	line:     (*Formatter).appendKernelDrop,
	json:     (*Formatter).appendJSONKernelDrop,
	kind:     func(e *Event) summaryKind { return summaryKind{text: e.sample.KernelDrop.ReasonText()} },
	kindName: func(k summaryKind) string { return k.text },
	packet: func(e *Event) packetInfo {
		n := &e.sample.KernelDrop
		return packetInfo{origLen: n.OrigLen, l3: n.IsL3Device()}
	},
	ifindex: func(e *Event) uint32 { return e.sample.KernelDrop.Ifindex },
	ifname: func(e *Event) string {
		n := &e.sample.KernelDrop
		if n.Device == "" && n.IsOtherNetNS() { // where nobody can look it up
			return strconv.FormatUint(uint64(n.Ifindex), 10)
		}
		return n.Device
	},
	meaning: func(e *Event) string {
		n := &e.sample.KernelDrop
		reason, _ := explain.KernelDrop(n.ReasonText(), n.Function)
		return reason.Meaning
	},
	function:       func(e *Event) string { return e.sample.KernelDrop.Function },
	more:           func(e *Event) uint64 { return uint64(e.sample.KernelDrop.Limited) },
	dropReasonName: func(e *Event) string { return e.sample.KernelDrop.ReasonText() },
}

func (f *Formatter) appendKernelDrop(dst []byte, e *Event) []byte {
	n := &e.sample.KernelDrop
	d := details{dst: e.dissection().appendSummary(f.appendWord(dst, colorDrop, wordDrop))}
	// Where there is no reason, the function is what tells most.
	functionFirst := e.brevity > withEverything && n.Function != "" && !hasReason(n)
	reason := n.ReasonText()
	switch {
	case functionFirst:
		dst = inert.Append(append(f.begin(d.next(), colorDrop), "in "...), n.Function)
		d.dst = f.end(dst, colorDrop)
	case reason != "":
		dst = f.begin(d.next(), colorDrop)
		d.dst = f.end(inert.Append(dst, reason), colorDrop)
	}
	if e.brevity < withoutPlace {
		d.place(e, n.Ifindex)
	}
	if e.brevity < withoutEndpoints && n.Direction != 0 {
		d.text("", api.KernelDropDirectionName(n.Direction))
	}
	if n.Function != "" && !functionFirst && (e.brevity < withoutState || n.ReasonName == "") {
		d.dst = inert.Append(append(d.next(), "in "...), n.Function)
	}
	if n.Process != "" && e.brevity < withoutIdentities {
		d.dst = appendUint(inert.Append(append(d.next(), "process "...), n.Process), " ", uint64(n.PID))
	}
	if e.brevity < withoutOrigin {
		if n.IsOtherNetNS() {
			d.uint("netns ", uint64(n.NetNS))
		}
		d.mark(n.Mark)
	}
	if n.Limited != 0 {
		d.dst = append(appendUint(d.next(), "", uint64(n.Limited)), " more like it"...)
	}
	if f.all() {
		if n.Offset != 0 {
			d.dst = appendHex(append(d.next(), "offset "...), uint64(n.Offset))
		}
		d.uint("cgroup ", n.CgroupID)
		if n.Protocol != 0 {
			d.dst = appendHex(append(d.next(), "EtherType "...), uint64(n.Protocol))
		}
		if !n.IsOtherNetNS() {
			d.uint("netns ", uint64(n.NetNS))
		}
	}
	return f.appendPacketDetails(d, e, n.Hash, n.OrigLen, n.CapLen).dst
}

func (f *Formatter) appendJSONKernelDrop(dst []byte, e *Event) []byte {
	n := &e.sample.KernelDrop
	dst = appendJSONHead(dst, e, "kernel-drop")
	dst = appendJSONMark(dst, n.Hash)
	dst = appendStringMember(dst, "reason", n.ReasonText())
	dst = appendUintMember(dst, "reasonCode", uint64(n.Reason))
	dst = appendStringMember(dst, "function", n.Function)
	dst = appendUintMember(dst, "offset", uint64(n.Offset))
	if n.Direction != 0 {
		dst = appendStringMember(dst, "direction", api.KernelDropDirectionName(n.Direction))
	}
	dst = appendUintMember(dst, "bytes", uint64(n.OrigLen))
	dst = appendUintMember(dst, "etherType", uint64(n.Protocol))
	dst = appendUintMember(dst, "Ifindex", uint64(n.Ifindex))
	if _, name := e.Interface(); name != "" {
		dst = appendStringMember(dst, "interface", name)
	}
	dst = appendUintMember(dst, "netns", uint64(n.NetNS))
	dst = appendUintMember(dst, "cgroupID", n.CgroupID)
	if n.PID != 0 {
		dst = appendUintMember(dst, "pid", uint64(n.PID))
		dst = appendStringMember(dst, "process", n.Process)
	}
	dst = appendJSONPacketMark(dst, n.Mark)
	if n.Limited != 0 {
		dst = appendUintMember(dst, "limited", uint64(n.Limited))
	}
	return e.dissection().appendJSONSummary(dst)
}

// hasReason reports whether the kernel says why it dropped the packet.
func hasReason(n *api.KernelDropNotify) bool {
	return n.ReasonName != "NOT_SPECIFIED" && n.ReasonText() != ""
}
