// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/cilium/monitor/internal/packet"
)

func (w *layerWriter) vxlan() {
	w.begin("VXLAN")
	w.bool(" ValidIDFlag=", 0, packet.VXLANI)
	w.bits(" VNI=", 4, 3, 0xffffff)
	w.bool(" GBPExtension=", 0, packet.VXLANG)
	w.bool(" GBPDontLearn=", 1, packet.VXLANDontLearn)
	w.bool(" GBPApplied=", 1, packet.VXLANApplied)
	w.uint16(" GBPGroupPolicyID=", 2)
}

func (w *layerWriter) geneve() {
	w.begin("Geneve")
	w.bits(" Version=", 0, 1, 0xc0)
	if w.has(0, 1) {
		w.dst = appendUint(w.dst, " OptionsLength=", uint64(w.header[0]&0x3f)*4)
	}
	w.bool(" OAMPacket=", 1, 0x80)
	w.bool(" CriticalOption=", 1, 0x40)
	w.etherType(" Protocol=", 2)
	w.bits(" VNI=", 4, 3, 0xffffff)
	if !w.has(packet.GeneveSize, 0) {
		return
	}
	n := 0
	for off := packet.GeneveSize; w.has(off, w.geneveOption(off)); n++ {
		off += w.geneveOption(off)
	}
	off := packet.GeneveSize
	w.list(" Options=", n, func(int) {
		size := w.geneveOption(off)
		w.uint16("{Class=", off)
		w.uint8(" Type=", off+2)
		w.bits(" Flags=", off+3, 1, 0xe0)
		w.dst = appendUint(w.dst, " Length=", uint64(size))
		w.bytes(" Data=", off+geneveOptionSize, off+size)
		w.dst = append(w.dst, '}')
		off += size
	})
}

const geneveOptionSize = 4 // without data

// geneveOption returns the size of the option at off, as far as it tells.
func (w *layerWriter) geneveOption(off int) int {
	if !w.has(off, geneveOptionSize) {
		return geneveOptionSize
	}
	return geneveOptionSize + int(w.header[off+3]&0x1f)*4
}

// appendGREProtocol appends the name of the protocol of GRE, the number if it has none. It is an EtherType, but not
// a length; those that are messages of GRE itself have 0.
func appendGREProtocol(dst []byte, number uint16) []byte {
	switch {
	case number == packet.GREERSPAN3:
		return append(dst, "ERSPAN Type III"...)
	case number < packet.EtherTypeMin:
		return appendHex(dst, uint64(number))
	default:
		return appendEtherType(dst, number)
	}
}

func (w *layerWriter) gre() {
	w.begin("GRE")
	w.bool(" ChecksumPresent=", 0, 0x80)
	w.bool(" RoutingPresent=", 0, 0x40)
	w.bool(" KeyPresent=", 0, 0x20)
	w.bool(" SeqPresent=", 0, 0x10)
	w.bool(" StrictSourceRoute=", 0, 0x08)
	if !w.has(0, packet.GRESize) {
		return
	}
	flags := be16(w.header)
	version1 := flags&packet.GREVersion == 1
	w.dst = strconv.AppendBool(append(w.dst, " AckPresent="...), version1 && flags&packet.GREAck != 0)
	w.bits(" RecursionControl=", 0, 1, 0x07)
	w.bits(" Flags=", 1, 1, 0xf8)
	w.bits(" Version=", 1, 1, packet.GREVersion)
	w.dst = appendGREProtocol(append(w.dst, " Protocol="...), be16(w.header[2:]))
	off := packet.GRESize
	if flags&(packet.GREChecksum|packet.GRERouting) != 0 {
		w.uint16(" Checksum=", off)
		w.uint16(" Offset=", off+2)
		off += 4
	} else {
		w.dst = append(w.dst, " Checksum=0 Offset=0"...)
	}
	for _, field := range [...]struct {
		name    string
		present bool
	}{{" Key=", flags&packet.GREKey != 0}, {" Seq=", flags&packet.GRESequence != 0}, {" Ack=", version1 && flags&packet.GREAck != 0}} {
		if field.present {
			w.uint32(field.name, off)
			off += 4
		} else {
			w.dst = append(append(w.dst, field.name...), '0')
		}
	}
}
