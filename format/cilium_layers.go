// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/inert"
)

// appendLayers appends a line for each layer of packet, in the text of gopacket.
func (p *ciliumPacket) appendLayers(dst, packet []byte, opts ciliumOptions) []byte {
	overlay := p.decode(packet, opts)
	dst = p.outer.appendLayers(dst)
	if overlay {
		dst = p.overlay.appendLayers(dst)
	}
	return dst
}

func (l *ciliumLayers) appendLayers(dst []byte) []byte {
	for _, typ := range l.decoded {
		name, fields, _ := strings.Cut(gopacket.LayerString(l.layer(typ)), "\t")
		dst = append(append(dst, name...), '\t')
		dst = append(inert.Append(dst, fields), '\n')
	}
	if l.truncated {
		dst = append(dst, "  Packet has been truncated\n"...)
	}
	if l.err != nil {
		dst = append(inert.Append(append(dst, "  Failed to decode layer: "...), l.err.Error()), '\n')
	}
	return dst
}

func (l *ciliumLayers) layer(typ gopacket.LayerType) gopacket.Layer {
	switch typ {
	case layers.LayerTypeEthernet:
		return &l.ethernet
	case layers.LayerTypeIPv4:
		return &l.ipv4
	case layers.LayerTypeIPv6:
		return &l.ipv6
	case layers.LayerTypeTCP:
		return &l.tcp
	case layers.LayerTypeUDP:
		return &l.udp
	case layers.LayerTypeSCTP:
		return &l.sctp
	case layers.LayerTypeICMPv4:
		return &l.icmpv4
	case layers.LayerTypeICMPv6:
		return &l.icmpv6
	case layers.LayerTypeVRRP:
		return &l.vrrp
	case layers.LayerTypeVXLAN:
		return &l.vxlan
	case layers.LayerTypeGeneve:
		return &l.geneve
	default:
		return &l.igmp
	}
}
