// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// tunnel is the kind of a tunnel.
type tunnel uint8

const (
	tunnelNone tunnel = iota
	tunnelVXLAN
	tunnelGeneve
)

func (t tunnel) String() string {
	switch t {
	case tunnelVXLAN:
		return "vxlan"
	case tunnelGeneve:
		return "geneve"
	default:
		return ""
	}
}

// dissection is a packet taken apart. The zero value is ready for use.
type dissection struct {
	// inner has the headers of the packet, of what is carried if it is of a tunnel.
	inner *headers

	// outer has the headers around the tunnel's if tunnel is not tunnelNone.
	outer  *headers
	tunnel tunnel
	vxlan  layers.VXLAN
	geneve layers.Geneve

	// What inner and outer point to.
	first, second headers
}

// dissect takes packet apart and keeps slices of it. l3 says that it begins with the IP
// header, t that it is the outer packet of a tunnel.
func (d *dissection) dissect(packet []byte, l3 bool, t tunnel) {
	d.first.decode(packet, l3)
	d.inner, d.outer, d.tunnel = &d.second, &d.first, t
	if t != tunnelNone && d.first.has(hasUDP) {
		carried := d.first.udp.Payload
		switch {
		case t == tunnelVXLAN && d.vxlan.DecodeFromBytes(carried, gopacket.NilDecodeFeedback) == nil:
			d.second.decode(d.vxlan.Payload, false)
			return
		case t == tunnelGeneve && d.geneve.DecodeFromBytes(carried, gopacket.NilDecodeFeedback) == nil:
			// The layer's own count of the options overflows at 256 bytes.
			n := 8 + int(d.geneve.OptionsLength)
			d.geneve.BaseLayer = layers.BaseLayer{Contents: carried[:n], Payload: carried[n:]}
			d.second.decode(d.geneve.Payload, d.geneve.Protocol != layers.EthernetTypeTransparentEthernetBridging)
			return
		}
	}
	// No tunnel, or, whatever the datapath says, no tunnel header to be seen.
	d.inner, d.outer, d.tunnel = &d.first, nil, tunnelNone
}

// headerSet says which layers of headers are of the packet at hand; the others are
// left over from an earlier one.
type headerSet uint16

const (
	hasEthernet headerSet = 1 << iota
	hasARP
	hasIPv4
	hasIPv6
	hasTCP
	hasUDP
	hasSCTP
	hasICMPv4
	hasICMPv6
	hasVRRP
	hasIGMP
)

// headers has the layers of one packet without its tunnel. They are decoded in place, so
// that nothing is allocated.
type headers struct {
	set  headerSet
	conn connection

	ethernet     layers.Ethernet
	arp          layers.ARP
	ipv4         layers.IPv4
	ipv6         layers.IPv6
	ipv6Ext      layers.IPv6ExtensionSkipper
	ipv6Fragment layers.IPv6Fragment
	tcp          layers.TCP
	udp          layers.UDP
	sctp         layers.SCTP
	icmpv4       layers.ICMPv4
	icmpv6       layers.ICMPv6
	vrrp         layers.VRRPv2
	igmp         igmp

	l2, l3v4, l3v6 *gopacket.DecodingLayerParser
	decoded        []gopacket.LayerType
	icmpNames      map[uint32]string // see icmpName
}

// connection is who talks to whom. What a packet does not have is zero.
type connection struct {
	src, dst         netip.Addr // never IPv4-mapped
	srcPort, dstPort uint16
	hasPorts         bool
	hasProtocol      bool
	protocol         uint8 // IP protocol number
	tcpFlags         uint8 // bits of the TCP header, as in tcpFlagNames
}

func (h *headers) has(s headerSet) bool { return h.set&s != 0 }

func (h *headers) init() {
	var decoders gopacket.DecodingLayerSparse
	for _, l := range []gopacket.DecodingLayer{
		&h.ethernet, &h.arp, &h.ipv4, &h.ipv6,
		&h.ipv6Ext, &h.ipv6Fragment, // in this order: what is behind a fragment header is not always a header
		&h.tcp, &h.udp, &h.sctp, &h.icmpv4, &h.icmpv6, &h.vrrp, &h.igmp,
	} {
		decoders = decoders.Put(l).(gopacket.DecodingLayerSparse)
	}
	parser := func(first gopacket.LayerType) *gopacket.DecodingLayerParser {
		p := gopacket.NewDecodingLayerParser(first)
		p.SetDecodingLayerContainer(decoders)
		p.IgnoreUnsupported = true
		return p
	}
	h.l2 = parser(layers.LayerTypeEthernet)
	h.l3v4 = parser(layers.LayerTypeIPv4)
	h.l3v6 = parser(layers.LayerTypeIPv6)
}

// decode decodes as many layers of packet as there are. l3 says that the first is IP.
func (h *headers) decode(packet []byte, l3 bool) {
	h.set = 0
	h.conn = connection{}
	if len(packet) == 0 {
		return
	}
	if h.l2 == nil {
		h.init()
	}
	parser := h.l2
	if l3 {
		switch packet[0] >> 4 {
		case 4:
			parser = h.l3v4
		case 6:
			parser = h.l3v6
		default:
			return
		}
	}
	err := parser.DecodeLayers(packet, &h.decoded)
	for _, typ := range h.decoded {
		h.add(typ)
	}
	if err != nil {
		// A layer is cut short or malformed. Those above it are good.
		h.addCutTransport()
	}
}

// addCutTransport finds the ports and TCP flags of a transport header that follows the
// decoded layers but does not decode: most often because the end of its options was
// not captured, as behind a tunnel's headers.
func (h *headers) addCutTransport() {
	if len(h.decoded) == 0 {
		return
	}
	var header []byte
	switch h.decoded[len(h.decoded)-1] {
	case layers.LayerTypeIPv4:
		header = h.ipv4.Payload
	case layers.LayerTypeIPv6:
		header = h.ipv6.Payload
	case layers.LayerTypeIPv6Fragment:
		header = h.ipv6Fragment.Payload
	case layers.LayerTypeIPv6HopByHop, layers.LayerTypeIPv6Routing, layers.LayerTypeIPv6Destination:
		header = h.ipv6Ext.Payload
	}
	if len(header) < 4 {
		return
	}
	switch h.conn.protocol {
	case protocolTCP, protocolUDP, protocolSCTP:
		h.setPorts(binary.BigEndian.Uint16(header), binary.BigEndian.Uint16(header[2:]))
	}
	if h.conn.protocol == protocolTCP && len(header) > tcpFlagsOffset {
		h.conn.tcpFlags = header[tcpFlagsOffset]
	}
}

// tcpFlagsOffset is where the flags are in a TCP header.
const tcpFlagsOffset = 13

// add notes that the layer of typ was decoded.
func (h *headers) add(typ gopacket.LayerType) {
	switch typ {
	case layers.LayerTypeEthernet:
		h.set |= hasEthernet
	case layers.LayerTypeARP:
		h.set |= hasARP
	case layers.LayerTypeIPv4:
		h.set |= hasIPv4
		h.conn.src = netip.AddrFrom4([4]byte(h.ipv4.SrcIP))
		h.conn.dst = netip.AddrFrom4([4]byte(h.ipv4.DstIP))
		h.setProtocol(h.ipv4.Protocol)
	case layers.LayerTypeIPv6:
		h.set |= hasIPv6
		h.conn.src = netip.AddrFrom16([16]byte(h.ipv6.SrcIP)).Unmap()
		h.conn.dst = netip.AddrFrom16([16]byte(h.ipv6.DstIP)).Unmap()
		h.setProtocol(h.ipv6.NextHeader)
		if h.ipv6.HopByHop != nil {
			h.setProtocol(h.ipv6.HopByHop.NextHeader)
		}
	case layers.LayerTypeIPv6Fragment:
		h.setProtocol(h.ipv6Fragment.NextHeader)
	case layers.LayerTypeIPv6HopByHop, layers.LayerTypeIPv6Routing, layers.LayerTypeIPv6Destination:
		h.setProtocol(h.ipv6Ext.NextHeader)
	case layers.LayerTypeTCP:
		h.set |= hasTCP
		h.setPorts(uint16(h.tcp.SrcPort), uint16(h.tcp.DstPort))
		h.conn.tcpFlags = h.tcp.Contents[tcpFlagsOffset]
	case layers.LayerTypeUDP:
		h.set |= hasUDP
		h.setPorts(uint16(h.udp.SrcPort), uint16(h.udp.DstPort))
	case layers.LayerTypeSCTP:
		h.set |= hasSCTP
		h.setPorts(uint16(h.sctp.SrcPort), uint16(h.sctp.DstPort))
	case layers.LayerTypeICMPv4:
		h.set |= hasICMPv4
	case layers.LayerTypeICMPv6:
		h.set |= hasICMPv6
	case layers.LayerTypeVRRP:
		h.set |= hasVRRP
	case layers.LayerTypeIGMP:
		h.set |= hasIGMP
	}
}

func (h *headers) setProtocol(p layers.IPProtocol) {
	h.conn.protocol = uint8(p)
	h.conn.hasProtocol = true
}

func (h *headers) setPorts(src, dst uint16) {
	h.conn.srcPort, h.conn.dstPort = src, dst
	h.conn.hasPorts = true
}
