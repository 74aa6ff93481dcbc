// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/gopacket/gopacket/layers"

// appendLayers appends a line for each layer of packet.
func (p *ciliumPacket) appendLayers(dst, packet []byte, opts ciliumOptions) []byte {
	overlay := p.decode(packet, opts)
	dst = p.outer.appendLayers(dst)
	if overlay {
		dst = p.overlay.appendLayers(dst)
	}
	return dst
}

func (l *ciliumLayers) appendLayers(dst []byte) []byte {
	text := layerText{tab: "\t"}
	for _, typ := range l.decoded {
		switch typ {
		case layers.LayerTypeEthernet:
			dst = text.ethernet(dst, &l.ethernet)
		case layers.LayerTypeIPv4:
			dst = text.ipv4(dst, &l.ipv4)
		case layers.LayerTypeIPv6:
			dst = text.ipv6(dst, &l.ipv6)
		case layers.LayerTypeTCP:
			dst = text.tcp(dst, &l.tcp)
		case layers.LayerTypeUDP:
			dst = text.udp(dst, &l.udp)
		case layers.LayerTypeSCTP:
			dst = text.other(dst, &l.sctp)
		case layers.LayerTypeICMPv4:
			dst = text.icmpv4(dst, &l.icmpv4, l.icmpName(uint16(l.icmpv4.TypeCode), false))
		case layers.LayerTypeICMPv6:
			dst = text.icmpv6(dst, &l.icmpv6, l.icmpName(uint16(l.icmpv6.TypeCode), true))
		case layers.LayerTypeVRRP:
			dst = text.other(dst, &l.vrrp)
		case layers.LayerTypeIGMP:
			dst = text.other(dst, &l.igmp)
		case layers.LayerTypeVXLAN:
			dst = text.vxlan(dst, &l.vxlan)
		case layers.LayerTypeGeneve:
			dst = text.other(dst, &l.geneve)
		}
		dst = append(dst, '\n')
	}
	if l.truncated {
		dst = append(dst, "  Packet has been truncated\n"...)
	}
	if l.err != nil {
		dst = append(append(append(dst, "  Failed to decode layer: "...), l.err.Error()...), '\n')
	}
	return dst
}
