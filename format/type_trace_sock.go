// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/packet"
)

var traceSockType = descriptor{
	level:    LevelDebug,
	decode:   decodeSample,
	line:     (*Formatter).appendTraceSock,
	cilium:   (*Formatter).appendCiliumTraceSock,
	json:     (*Formatter).appendJSONTraceSock,
	kind:     func(e *Event) summaryKind { return summaryKind{a: e.sample.TraceSock.XlatePoint} },
	kindName: func(k summaryKind) string { return api.XlatePointName(k.a) },
	traffic: func(e *Event) traffic {
		n := &e.sample.TraceSock
		c := traffic{dst: n.Addr().Unmap(), dstPort: n.DstPort}
		switch n.L4Proto {
		case api.TraceSockTCP:
			c.protocol, c.hasProtocol = packet.TCP, true
		case api.TraceSockUDP:
			c.protocol, c.hasProtocol = packet.UDP, true
		}
		return c
	},
	anyEndpoint: true,
}

func (f *Formatter) appendTraceSock(dst []byte, e *Event) []byte {
	n := &e.sample.TraceSock
	dst = append(f.appendWord(dst, colorNone, wordSocket), "-> "...)
	dst = netip.AddrPortFrom(n.Addr().Unmap(), n.DstPort).AppendTo(dst)
	if n.L4Proto == api.TraceSockTCP || n.L4Proto == api.TraceSockUDP {
		dst = append(append(dst, ' '), api.TraceSockProtocolName(n.L4Proto)...)
	}
	d := details{dst: dst}
	if api.XlatePointPreFwd <= n.XlatePoint && n.XlatePoint <= api.XlatePointPostRev {
		d.text("", api.XlatePointName(n.XlatePoint))
	}
	d.uint("cgroup ", n.CgroupID)
	d.uint("socket cookie ", n.SockCookie)
	return f.appendCPUDetail(d, e).dst
}

func (f *Formatter) appendJSONTraceSock(dst []byte, e *Event) []byte {
	n := &e.sample.TraceSock
	dst = appendJSONHead(dst, e, "trace-sock")
	dst = appendStringMember(dst, "xlatePoint", api.XlatePointName(n.XlatePoint))
	dst = appendStringMember(dst, "protocol", api.TraceSockProtocolName(n.L4Proto))
	dst = append(appendKey(dst, "dstIP"), '"')
	dst = append(n.Addr().AppendTo(dst), '"')
	dst = appendUintMember(dst, "dstPort", uint64(n.DstPort))
	dst = appendUintMember(dst, "sockCookie", n.SockCookie)
	return appendUintMember(dst, "cgroupID", n.CgroupID)
}
