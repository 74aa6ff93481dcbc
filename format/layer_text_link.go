// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/gopacket/gopacket/layers"

func (w *layerWriter) ethernet() {
	w.begin("Ethernet")
	w.mac(" SrcMAC=", 6)
	w.mac(" DstMAC=", 0)
	w.typeAndLength(" EthernetType=", 12)
}

// typeAndLength appends the type of a frame, and its length, 0 if the field is a type.
func (w *layerWriter) typeAndLength(name string, off int) {
	if !w.has(off, 2) {
		return
	}
	etherType, length := be16(w.header[off:]), uint16(0)
	if etherType < etherTypeMin {
		etherType, length = 0, etherType
	}
	w.dst = appendEtherType(append(w.dst, name...), etherType)
	w.dst = appendUint(w.dst, " Length=", uint64(length))
}

func (w *layerWriter) vlan() {
	w.begin("Dot1Q")
	w.uint(" Priority=", 0, 1, 0xe0)
	w.bool(" DropEligible=", 0, 0x10)
	w.uint(" VLANIdentifier=", 0, 2, 0x0fff)
	w.etherType(" Type=", 2)
}

func (w *layerWriter) llc() {
	w.begin("LLC")
	w.uint(" DSAP=", 0, 1, allBits)
	w.uint(" SSAP=", 1, 1, allBits)
	if w.has(2, 1) && w.header[2]&llcUnnumbered != llcUnnumbered {
		w.uint(" Control=", 2, 2, allBits)
		return
	}
	w.uint(" Control=", 2, 1, allBits)
	if w.has(3, 1) {
		w.bytes(" OrganizationalCode=", 3, 6)
	}
	w.etherType(" Type=", 6)
}

func (w *layerWriter) mpls() {
	w.begin("MPLS")
	w.uint(" Label=", 0, 3, 0xfffff0)
	w.uint(" TrafficClass=", 2, 1, 0x0e)
	w.bool(" StackBottom=", 2, 0x01)
	w.uint(" TTL=", 3, 1, allBits)
}

func (w *layerWriter) arp() {
	w.begin("ARP")
	if w.has(0, 2) {
		w.dst = append(append(w.dst, " AddrType="...), layers.LinkType(be16(w.header)).String()...)
	}
	w.etherType(" Protocol=", 2)
	w.uint(" HwAddressSize=", 4, 1, allBits)
	w.uint(" ProtAddressSize=", 5, 1, allBits)
	w.uint(" Operation=", 6, 2, allBits)
	if !w.has(arpFixedSize, 0) {
		return
	}
	off := arpFixedSize
	hardware, protocol := int(w.header[4]), int(w.header[5])
	for _, field := range [...]struct {
		name string
		size int
	}{{" SourceHwAddress=", hardware}, {" SourceProtAddress=", protocol}, {" DstHwAddress=", hardware}, {" DstProtAddress=", protocol}} {
		if w.has(off, field.size) {
			w.bytes(field.name, off, off+field.size)
		}
		off += field.size
	}
}
