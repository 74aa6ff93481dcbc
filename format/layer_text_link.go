// SPDX-License-Identifier: Apache-2.0

package format

import (
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/packet"
)

func (w *layerWriter) ethernet() {
	w.begin("Ethernet")
	h := w.header
	if len(h) < 12 {
		w.mac(" DstMAC=", 0)
		return
	}
	dst := appendMAC(append(w.dst, " SrcMAC="...), h[6:12])
	dst = appendMAC(append(dst, " DstMAC="...), h[:6])
	if len(h) >= packet.EthernetSize {
		etherType, length := be16(h[12:]), uint16(0)
		if etherType < packet.EtherTypeMin {
			etherType, length = packet.EtherTypeLLC, etherType
		}
		dst = appendEtherType(append(dst, " EthernetType="...), etherType)
		dst = appendUint(dst, " Length=", uint64(length))
	}
	w.dst = dst
}

func (w *layerWriter) vlan() {
	w.begin("Dot1Q")
	w.bits(" Priority=", 0, 1, 0xe0)
	w.bool(" DropEligible=", 0, 0x10)
	w.bits(" VLANIdentifier=", 0, 2, 0x0fff)
	w.etherType(" Type=", 2)
}

func (w *layerWriter) mpls() {
	w.begin("MPLS")
	w.bits(" Label=", 0, 3, 0xfffff0)
	w.bits(" TrafficClass=", 2, 1, 0x0e)
	w.bool(" StackBottom=", 2, 0x01)
	w.uint8(" TTL=", 3)
}

func (w *layerWriter) arp() {
	w.begin("ARP")
	if w.has(0, 2) {
		w.dst = append(append(w.dst, " AddrType="...), layers.LinkType(be16(w.header)).String()...)
	}
	w.etherType(" Protocol=", 2)
	w.uint8(" HwAddressSize=", 4)
	w.uint8(" ProtAddressSize=", 5)
	w.uint16(" Operation=", 6)
	if !w.has(packet.ARPFixedSize, 0) {
		return
	}
	off := packet.ARPFixedSize
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
