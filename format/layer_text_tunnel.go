// SPDX-License-Identifier: Apache-2.0

package format

import "strconv"

func (w *layerWriter) vxlan() {
	w.begin("VXLAN")
	w.bool(" ValidIDFlag=", 0, vxlanI)
	w.uint(" VNI=", 4, 3, allBits)
	w.bool(" GBPExtension=", 0, vxlanG)
	w.bool(" GBPDontLearn=", 1, vxlanDontLearn)
	w.bool(" GBPApplied=", 1, vxlanApplied)
	w.uint(" GBPGroupPolicyID=", 2, 2, allBits)
}

func (w *layerWriter) geneve() {
	w.begin("Geneve")
	w.uint(" Version=", 0, 1, 0xc0)
	if w.has(0, 1) {
		w.dst = appendUint(w.dst, " OptionsLength=", uint64(w.header[0]&0x3f)*4)
	}
	w.bool(" OAMPacket=", 1, 0x80)
	w.bool(" CriticalOption=", 1, 0x40)
	w.etherType(" Protocol=", 2)
	w.uint(" VNI=", 4, 3, allBits)
	if !w.has(geneveSize, 0) {
		return
	}
	n := 0
	for off := geneveSize; w.has(off, w.geneveOption(off)); n++ {
		off += w.geneveOption(off)
	}
	off := geneveSize
	w.list(" Options=", n, func(int) {
		size := w.geneveOption(off)
		w.uint("{Class=", off, 2, allBits)
		w.uint(" Type=", off+2, 1, allBits)
		w.uint(" Flags=", off+3, 1, 0xe0)
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

func (w *layerWriter) gre() {
	w.begin("GRE")
	w.bool(" ChecksumPresent=", 0, 0x80)
	w.bool(" RoutingPresent=", 0, 0x40)
	w.bool(" KeyPresent=", 0, 0x20)
	w.bool(" SeqPresent=", 0, 0x10)
	w.bool(" StrictSourceRoute=", 0, 0x08)
	if !w.has(0, greSize) {
		return
	}
	flags := be16(w.header)
	version1 := flags&greVersion == 1
	w.dst = strconv.AppendBool(append(w.dst, " AckPresent="...), version1 && flags&greAck != 0)
	w.uint(" RecursionControl=", 0, 1, 0x07)
	w.uint(" Flags=", 1, 1, 0xf8)
	w.uint(" Version=", 1, 1, greVersion)
	w.etherType(" Protocol=", 2)
	off := greSize
	if flags&(greChecksum|greRouting) != 0 {
		w.uint(" Checksum=", off, 2, allBits)
		w.uint(" Offset=", off+2, 2, allBits)
		off += 4
	} else {
		w.dst = append(w.dst, " Checksum=0 Offset=0"...)
	}
	for _, field := range [...]struct {
		name    string
		present bool
	}{{" Key=", flags&greKey != 0}, {" Seq=", flags&greSequence != 0}, {" Ack=", version1 && flags&greAck != 0}} {
		if field.present {
			w.uint(field.name, off, 4, allBits)
			off += 4
		} else {
			w.dst = append(append(w.dst, field.name...), '0')
		}
	}
}
