// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/packet"
)

// igmpVersion3 reports whether a message is of version 3. A query tells it by its length.
func igmpVersion3(message []byte) bool {
	switch layers.IGMPType(message[0]) {
	case layers.IGMPMembershipReportV3:
		return true
	case layers.IGMPMembershipQuery:
		return len(message) >= packet.IGMPQuerySources
	default:
		return false
	}
}

// appendIGMPSummary appends the type and the group, of a report of several the first.
func (d *dissection) appendIGMPSummary(dst []byte, h *packet.Headers) []byte {
	message := d.lastHeader(h)
	if len(message) == 0 {
		return dst
	}
	dst = appendIGMPType(append(dst, ' '), message[0])
	group := message[min(4, len(message)):]
	if layers.IGMPType(message[0]) == layers.IGMPMembershipReportV3 {
		group = message[min(packet.IGMPReportRecords+4, len(message)):]
	}
	if len(group) < 4 {
		return dst
	}
	return netip.AddrFrom4([4]byte(group)).AppendTo(append(dst, ' '))
}

func appendIGMPType(dst []byte, number uint8) []byte {
	if name := layers.IGMPType(number).String(); name != "" {
		return append(dst, name...)
	}
	return strconv.AppendUint(append(dst, "type "...), uint64(number), 10)
}

func (w *layerWriter) igmp() {
	w.beginWith("IGMP", nil, nil) // as gopacket has it
	if !w.has(0, 1) {
		return
	}
	w.dst = append(append(w.dst, " Type="...), layers.IGMPType(w.header[0]).String()...)
	report := layers.IGMPType(w.header[0]) == layers.IGMPMembershipReportV3
	switch {
	case report:
		w.dst = append(w.dst, " MaxResponseTime=0s"...)
	case w.has(1, 1):
		w.dst = append(append(w.dst, " MaxResponseTime="...), igmpTime(w.header[1]).String()...)
	}
	w.uint16(" Checksum=", 2)
	if report {
		w.dst = append(w.dst, " GroupAddress=<nil>"...)
	} else {
		w.ipv4Addr(" GroupAddress=", 4)
	}
	if igmpVersion3(w.header) {
		w.igmpVersion3(report)
	}
	if w.has(packet.IGMPSize, 0) {
		w.dst = append(w.dst, " Version=0"...)
	}
}

func (w *layerWriter) igmpVersion3(report bool) {
	if report {
		w.dst = append(w.dst, " SupressRouterProcessing=false RobustnessValue=0 IntervalTime=0s SourceAddresses=[]"...)
		w.uint16(" NumberOfGroupRecords=", 6)
		w.dst = append(w.dst, " NumberOfSources=0"...)
		w.igmpRecords()
		return
	}
	w.bool(" SupressRouterProcessing=", 8, 0x08)
	w.bits(" RobustnessValue=", 8, 1, 0x07)
	w.dst = append(append(w.dst, " IntervalTime="...), igmpTime(w.header[9]).String()...)
	w.ipv4Addrs(" SourceAddresses=", packet.IGMPQuerySources, int(be16(w.header[10:])))
	w.dst = append(w.dst, " NumberOfGroupRecords=0"...)
	w.uint16(" NumberOfSources=", 10)
	w.dst = append(w.dst, " GroupRecords=[]"...)
}

func (w *layerWriter) igmpRecords() {
	if !w.has(packet.IGMPReportRecords, 0) {
		return
	}
	n, off := 0, packet.IGMPReportRecords
	for n < int(be16(w.header[6:])) && w.has(off, packet.IGMPRecordSize) && w.has(off, packet.IGMPGroupRecordSize(w.header[off:])) {
		off += packet.IGMPGroupRecordSize(w.header[off:])
		n++
	}
	off = packet.IGMPReportRecords
	w.list(" GroupRecords=", n, func(int) {
		w.dst = append(append(w.dst, "{Type="...), layers.IGMPv3GroupRecordType(w.header[off]).String()...)
		w.uint8(" AuxDataLen=", off+1)
		w.uint16(" NumberOfSources=", off+2)
		w.ipv4Addr(" MulticastAddress=", off+4)
		w.ipv4Addrs(" SourceAddresses=", off+packet.IGMPRecordSize, int(be16(w.header[off+2:])))
		w.dst = append(w.dst, " AuxData=0}"...)
		off += packet.IGMPGroupRecordSize(w.header[off:])
	})
}

// ipv4Addrs appends n addresses from off on, or as many as were captured.
func (w *layerWriter) ipv4Addrs(name string, off, n int) {
	w.list(name, min(n, (len(w.header)-off)/4), func(i int) { w.ipv4Addr("", off+4*i) })
}

// igmpTime decodes a time, which has an exponent if it is long.
func igmpTime(code uint8) time.Duration {
	tenths := time.Duration(code)
	if code&0x80 != 0 {
		tenths = time.Duration(code&0x0f|0x10) << (code>>4&7 + 3)
	}
	return tenths * 100 * time.Millisecond
}
