// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/packet"
)

// ciliumOptions are what the datapath says about a packet, as Cilium's formatter takes it.
type ciliumOptions struct {
	l3, ipv6 bool // the packet begins with an IP header, of version 6
	tunnel   packet.Tunnel
}

// ciliumOptionsOf returns what flags of a drop or trace say.
func ciliumOptionsOf(flags uint8) ciliumOptions {
	return ciliumOptions{l3: flags&api.FlagL3Device != 0, ipv6: flags&api.FlagIPv6 != 0, tunnel: packet.TunnelOf(flags)}
}

// ciliumPacket takes packets apart as Cilium's formatter does: with the same decoders of gopacket, so
// that it stops where that stops, and says the same about why. The zero value is ready for use.
type ciliumPacket struct {
	outer, overlay ciliumLayers
}

// ciliumLayers are the layers of a packet, or those of a tunnel in it. A layer that there is more than once is
// the last of its kind.
type ciliumLayers struct {
	ethernet layers.Ethernet
	ipv4     layers.IPv4
	ipv6     layers.IPv6
	icmpv4   layers.ICMPv4
	icmpv6   layers.ICMPv6
	tcp      layers.TCP
	udp      layers.UDP
	sctp     layers.SCTP
	vrrp     layers.VRRPv2
	igmp     layers.IGMPv1or2
	vxlan    layers.VXLAN  // of an overlay
	geneve   layers.Geneve // of an overlay

	parsers   map[gopacket.LayerType]*gopacket.DecodingLayerParser // by first layer
	decoded   []gopacket.LayerType
	truncated bool
	err       error

	icmpNames map[uint32]string // see icmpName
}

// decode decodes a packet that begins with a layer of the type first.
func (l *ciliumLayers) decode(packet []byte, first gopacket.LayerType) {
	parser := l.parsers[first]
	if parser == nil {
		decoders := []gopacket.DecodingLayer{
			&l.ethernet, &l.ipv4, &l.ipv6, &l.icmpv4, &l.icmpv6, &l.tcp, &l.udp, &l.sctp, &l.vrrp, &l.igmp,
		}
		if first == layers.LayerTypeVXLAN || first == layers.LayerTypeGeneve {
			decoders = append(decoders, &l.vxlan, &l.geneve)
		}
		parser = gopacket.NewDecodingLayerParser(first, decoders...)
		parser.IgnoreUnsupported = true
		if l.parsers == nil {
			l.parsers = make(map[gopacket.LayerType]*gopacket.DecodingLayerParser)
		}
		l.parsers[first] = parser
	}
	l.err = parser.DecodeLayers(packet, &l.decoded)
	l.truncated = parser.Truncated
}

// decode decodes a packet, and the overlay if it is the outer packet of a tunnel, which it reports.
func (p *ciliumPacket) decode(data []byte, opts ciliumOptions) (overlay bool) {
	first := layers.LayerTypeEthernet
	switch {
	case opts.l3 && opts.ipv6:
		first = layers.LayerTypeIPv6
	case opts.l3:
		first = layers.LayerTypeIPv4
	}
	p.outer.udp.Payload = nil // what an earlier packet carried is nothing of this one
	p.outer.decode(data, first)
	switch opts.tunnel {
	case packet.TunnelVXLAN:
		first = layers.LayerTypeVXLAN
	case packet.TunnelGeneve:
		first = layers.LayerTypeGeneve
	default:
		return false
	}
	p.overlay.decode(p.outer.udp.Payload, first)
	return true
}

// ciliumConnection is who talks to whom.
type ciliumConnection struct {
	src, dst         net.IP
	srcPort, dstPort uint16
	protocol         gopacket.LayerType // of the last layer above IP, 0 for none
	ethernet         bool
}

func (l *ciliumLayers) connection() (c ciliumConnection) {
	for _, typ := range l.decoded {
		switch typ {
		case layers.LayerTypeEthernet:
			c.ethernet = true
			continue
		case layers.LayerTypeIPv4:
			c.src, c.dst = l.ipv4.SrcIP, l.ipv4.DstIP
			continue
		case layers.LayerTypeIPv6:
			c.src, c.dst = l.ipv6.SrcIP, l.ipv6.DstIP
			continue
		case layers.LayerTypeVXLAN, layers.LayerTypeGeneve:
			continue
		case layers.LayerTypeTCP:
			c.srcPort, c.dstPort = uint16(l.tcp.SrcPort), uint16(l.tcp.DstPort)
		case layers.LayerTypeUDP:
			c.srcPort, c.dstPort = uint16(l.udp.SrcPort), uint16(l.udp.DstPort)
		case layers.LayerTypeSCTP:
			c.srcPort, c.dstPort = uint16(l.sctp.SrcPort), uint16(l.sctp.DstPort)
		}
		c.protocol = typ
	}
	return c
}

// appendSummary appends who talks to whom, and the tunnel.
func (p *ciliumPacket) appendSummary(dst, packet []byte, opts ciliumOptions) []byte {
	if len(packet) == 0 {
		return append(dst, "[unknown]"...)
	}
	overlay := p.decode(packet, opts)
	switch {
	case p.outer.err != nil, overlay && p.overlay.err != nil:
		return append(dst, "[error]"...)
	case !overlay:
		return p.outer.appendSummary(dst)
	}
	dst = p.overlay.appendSummary(dst)
	c := p.outer.connection()
	dst = append(c.appendEndpoints(append(dst, " [tunnel "...)), ' ')
	return append(append(dst, opts.tunnel.String()...), ']')
}

func (l *ciliumLayers) appendSummary(dst []byte) []byte {
	c := l.connection()
	switch c.protocol {
	case layers.LayerTypeICMPv4:
		dst = append(c.appendAddresses(dst), " icmp "...)
		return append(dst, l.icmpName(uint16(l.icmpv4.TypeCode), false)...)
	case layers.LayerTypeICMPv6:
		dst = append(c.appendAddresses(dst), " icmp "...)
		return append(dst, l.icmpName(uint16(l.icmpv6.TypeCode), true)...)
	case layers.LayerTypeVRRP:
		dst = append(append(c.appendAddresses(dst), " vrrp "...), l.vrrp.Type.String()...)
		dst = appendUint(dst, " ", uint64(l.vrrp.VirtualRtrID))
		return appendUint(dst, " ", uint64(l.vrrp.Priority))
	case layers.LayerTypeIGMP:
		dst = append(append(c.appendAddresses(dst), " igmp "...), l.igmp.Type.String()...)
		return appendIP(append(dst, ' '), l.igmp.GroupAddress)
	case layers.LayerTypeTCP:
		dst = append(c.appendEndpoints(dst), " tcp "...)
		return appendCiliumTCPFlags(dst, &l.tcp)
	case layers.LayerTypeUDP:
		return append(c.appendEndpoints(dst), " udp"...)
	case layers.LayerTypeSCTP:
		return append(c.appendEndpoints(dst), " sctp"...)
	}
	switch {
	case c.src != nil:
		return c.appendAddresses(dst)
	case c.ethernet:
		dst = appendMAC(dst, l.ethernet.SrcMAC)
		dst = appendMAC(append(dst, " -> "...), l.ethernet.DstMAC)
		return append(append(dst, ' '), l.ethernet.EthernetType.String()...)
	default:
		return append(dst, "[unknown]"...)
	}
}

func (c *ciliumConnection) appendAddresses(dst []byte) []byte {
	return appendIP(append(appendIP(dst, c.src), " -> "...), c.dst)
}

func (c *ciliumConnection) appendEndpoints(dst []byte) []byte {
	dst = appendIPPort(dst, c.src, c.srcPort)
	return appendIPPort(append(dst, " -> "...), c.dst, c.dstPort)
}

func appendIPPort(dst []byte, ip net.IP, port uint16) []byte {
	addr, _ := netip.AddrFromSlice(ip)
	addr = addr.Unmap()
	if addr.Is6() {
		dst = append(addr.AppendTo(append(dst, '[')), ']')
	} else {
		dst = addr.AppendTo(dst)
	}
	return strconv.AppendUint(append(dst, ':'), uint64(port), 10)
}

func appendCiliumTCPFlags(dst []byte, l *layers.TCP) []byte {
	sep := ""
	for _, f := range [...]struct {
		set  bool
		name string
	}{{l.SYN, "SYN"}, {l.ACK, "ACK"}, {l.RST, "RST"}, {l.FIN, "FIN"}} {
		if f.set {
			dst = append(append(dst, sep...), f.name...)
			sep = ", "
		}
	}
	return dst
}

// icmpName returns the name of an ICMP type and code. gopacket builds it each time; the few that
// occur are kept.
func (l *ciliumLayers) icmpName(typeCode uint16, v6 bool) string {
	key := uint32(typeCode)
	if v6 {
		key |= 1 << 16
	}
	name, ok := l.icmpNames[key]
	if !ok {
		if v6 {
			name = layers.ICMPv6TypeCode(typeCode).String()
		} else {
			name = layers.ICMPv4TypeCode(typeCode).String()
		}
		if l.icmpNames == nil {
			l.icmpNames = make(map[uint32]string)
		}
		l.icmpNames[key] = name
	}
	return name
}

func appendIP(dst []byte, ip net.IP) []byte {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap().AppendTo(dst)
}
