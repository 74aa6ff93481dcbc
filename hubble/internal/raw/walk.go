// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"encoding/binary"
	"net/netip"
)

// walk goes through the headers of a packet, from the outermost in, by the rules of the decoders that Cilium's Hubble uses,
// those of gopacket: what they take for whole is that here. Where they give up it keeps what it has, and it goes
// on behind VLAN tags, the extension headers of IPv6 and the header of the first fragment.
type walk struct {
	h    *Headers
	rest []byte // from the next header on

	nested   bool   // in a tunnel, where the next one is recognized by its port
	tunneled bool   // the header of a tunnel was whole
	vni      uint32 // of the first tunnel
}

// Sizes of headers in bytes.
const (
	ethernetSize  = 14
	vlanSize      = 4
	ipv4Size      = 20
	ipv6Size      = 40
	extensionSize = 8
	tcpSize       = 20
	udpSize       = 8
	sctpSize      = 12
	icmpv4Size    = 8
	icmpv6Size    = 4
	vrrpSize      = 8
	igmpSize      = 8
	tunnelSize    = 8 // of VXLAN, and of Geneve without options
)

// EtherTypes, see IANA's "ieee-802-numbers".
const (
	etherTypeIPv4  = 0x0800
	etherTypeTEB   = 0x6558 // a whole frame
	etherTypeVLAN  = 0x8100
	etherTypeIPv6  = 0x86dd
	etherTypeSVLAN = 0x88a8
	etherTypeQinQ  = 0x9100
)

// IP protocol numbers, see IANA's "protocol-numbers".
const (
	protocolHopByHop    = 0
	protocolICMPv4      = 1
	protocolIGMP        = 2
	protocolIPv4        = 4
	protocolTCP         = 6
	protocolUDP         = 17
	protocolIPv6        = 41
	protocolRouting     = 43
	protocolFragment    = 44
	protocolAH          = 51
	protocolICMPv6      = 58
	protocolDestination = 60
	protocolIPIP        = 94
	protocolVRRP        = 112
	protocolSCTP        = 132
)

// Ports of tunnels in tunnels.
const (
	portVXLAN  = 4789
	portGeneve = 6081
)

// run goes through all headers from one of a kind on.
func (w *walk) run(next Layer) {
	for next != LayerNone {
		next = w.step(next)
		if len(w.rest) == 0 {
			return
		}
	}
}

// step goes over one header and returns what follows it.
func (w *walk) step(l Layer) (next Layer) {
	switch l {
	case LayerEthernet:
		return w.ethernet()
	case LayerIPv4:
		return w.ipv4()
	case LayerIPv6:
		return w.ipv6()
	case LayerTCP:
		w.tcp()
	case LayerUDP:
		return w.udp()
	case LayerSCTP:
		w.ports(LayerSCTP, sctpSize)
	case LayerICMPv4:
		w.transport(LayerICMPv4, 2, icmpv4Size)
	case LayerICMPv6:
		w.transport(LayerICMPv6, 2, icmpv6Size)
	case LayerVRRP:
		w.transport(LayerVRRP, 3, vrrpSize)
	case LayerIGMP:
		w.transport(LayerIGMP, igmpSize, igmpSize)
	case LayerVXLAN:
		return w.vxlan()
	case LayerGeneve:
		return w.geneve()
	case LayerNone:
	}
	return LayerNone
}

// end is how the walk ends at a header that is not whole.
func (w *walk) end(s State) (next Layer) {
	w.h.State, w.rest = s, nil
	return LayerNone
}

func (w *walk) ethernet() (next Layer) {
	if len(w.rest) < ethernetSize {
		return w.end(Cut)
	}
	w.h.MACs = w.rest[:12]
	w.h.Last = LayerEthernet
	etherType := binary.BigEndian.Uint16(w.rest[12:])
	w.rest = w.rest[ethernetSize:]
	for etherType == etherTypeVLAN || etherType == etherTypeSVLAN || etherType == etherTypeQinQ {
		if len(w.rest) < vlanSize {
			return w.end(Cut)
		}
		etherType = binary.BigEndian.Uint16(w.rest[2:])
		w.rest = w.rest[vlanSize:]
	}
	return byEtherType(etherType)
}

// byEtherType returns the layer that an EtherType announces.
func byEtherType(t uint16) (next Layer) {
	switch t {
	case etherTypeIPv4:
		return LayerIPv4
	case etherTypeIPv6:
		return LayerIPv6
	case etherTypeTEB:
		return LayerEthernet
	default:
		return LayerNone
	}
}

func (w *walk) ipv4() (next Layer) {
	b := w.rest
	if len(b) < ipv4Size {
		return w.end(Cut)
	}
	w.h.IP, w.h.Src, w.h.Dst = LayerIPv4, netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	size := int(b[0]&0xf) * 4
	length := int(binary.BigEndian.Uint16(b[2:]))
	if length == 0 { // of a packet that the device will split
		length = len(b)
	}
	switch {
	case size < ipv4Size || size > length:
		return w.end(Malformed)
	case size > len(b):
		return w.end(Cut)
	}
	w.h.Last = LayerIPv4
	w.rest = b[size:min(length, len(b))]
	if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 { // not the first fragment
		return LayerNone
	}
	return byProtocol(b[9])
}

func (w *walk) ipv6() (next Layer) {
	b := w.rest
	if len(b) < ipv6Size {
		return w.end(Cut)
	}
	w.h.IP = LayerIPv6
	w.h.Src, w.h.Dst = netip.AddrFrom16([16]byte(b[8:])).Unmap(), netip.AddrFrom16([16]byte(b[24:])).Unmap()
	w.h.Last = LayerIPv6
	length := int(binary.BigEndian.Uint16(b[4:]))
	w.rest = b[ipv6Size:]
	if length > 0 { // 0 is of a packet of more than 64 KiB
		w.rest = w.rest[:min(length, len(w.rest))]
	}
	return w.extensions(b[6])
}

// extensions goes over the extension headers of IPv6 and returns what follows the last of them.
func (w *walk) extensions(number uint8) (next Layer) {
	for len(w.rest) > 0 {
		size := extensionSize
		switch number {
		case protocolHopByHop, protocolRouting, protocolDestination:
			if len(w.rest) > 1 {
				size += int(w.rest[1]) * 8
			}
		case protocolAH:
			if len(w.rest) > 1 {
				size = (int(w.rest[1]) + 2) * 4
			}
		case protocolFragment:
		default:
			return byProtocol(number)
		}
		if len(w.rest) < size {
			return w.end(Cut)
		}
		if number == protocolFragment && binary.BigEndian.Uint16(w.rest[2:])&0xfff8 != 0 { // not the first
			w.rest = nil
			return LayerNone
		}
		number = w.rest[0]
		w.rest = w.rest[size:]
	}
	return LayerNone
}

// byProtocol returns the layer that an IP protocol number announces.
func byProtocol(number uint8) (next Layer) {
	switch number {
	case protocolICMPv4:
		return LayerICMPv4
	case protocolIGMP:
		return LayerIGMP
	case protocolIPv4, protocolIPIP:
		return LayerIPv4
	case protocolTCP:
		return LayerTCP
	case protocolUDP:
		return LayerUDP
	case protocolIPv6:
		return LayerIPv6
	case protocolICMPv6:
		return LayerICMPv6
	case protocolVRRP:
		return LayerVRRP
	case protocolSCTP:
		return LayerSCTP
	default:
		return LayerNone
	}
}

// transport takes the next header, of size bytes, of which some are enough to have something of it, and reports
// whether it is whole.
func (w *walk) transport(l Layer, enough, size int) (whole bool) {
	if len(w.rest) >= enough {
		w.h.Transport, w.h.Header = l, w.rest
	}
	if len(w.rest) < size {
		w.end(Cut)
		return false
	}
	w.h.Last = l
	return true
}

// ports takes the next header, which begins with ports.
func (w *walk) ports(l Layer, size int) (whole bool) {
	b := w.rest
	if len(b) >= 4 {
		w.h.SrcPort, w.h.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	}
	return w.transport(l, 4, size)
}

func (w *walk) tcp() {
	b, before := w.rest, w.h.Last
	if !w.ports(LayerTCP, tcpSize) {
		return
	}
	switch size := int(b[12]>>4) * 4; {
	case size < tcpSize:
		w.h.Last = before
		w.end(Malformed)
	case size > len(b):
		w.h.Last = before
		w.end(Cut)
	}
}

func (w *walk) udp() (next Layer) {
	b, before := w.rest, w.h.Last
	if !w.ports(LayerUDP, udpSize) {
		return LayerNone
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	switch {
	case length == 0: // of a datagram of more than 64 KiB
		length = len(b)
	case length < udpSize:
		w.h.Last = before
		return w.end(Malformed)
	}
	w.rest = b[udpSize:min(length, len(b))]
	if !w.nested {
		return LayerNone
	}
	if next = byPort(w.h.DstPort); next == LayerNone {
		next = byPort(w.h.SrcPort)
	}
	return next
}

// byPort returns the tunnel that a port is of.
func byPort(port uint16) (next Layer) {
	switch port {
	case portVXLAN:
		return LayerVXLAN
	case portGeneve:
		return LayerGeneve
	default:
		return LayerNone
	}
}

func (w *walk) vxlan() (next Layer) {
	if len(w.rest) < tunnelSize {
		return w.end(Cut)
	}
	w.tunnel(LayerVXLAN)
	w.rest = w.rest[tunnelSize:]
	return LayerEthernet
}

func (w *walk) geneve() (next Layer) {
	b := w.rest
	if len(b) < tunnelSize {
		return w.end(Cut)
	}
	size := tunnelSize + int(b[0]&0x3f)*4
	if len(b) < size {
		return w.end(Cut)
	}
	end := tunnelSize
	for end < size { // the last option may be longer than what is left for it
		if len(b) < end+4 {
			return w.end(Malformed)
		}
		end += 4 + int(b[end+3]&0x1f)*4
		if len(b) < end {
			return w.end(Malformed)
		}
	}
	w.tunnel(LayerGeneve)
	w.rest = b[end:]
	return byEtherType(binary.BigEndian.Uint16(b[2:]))
}

// tunnel takes note of the header of a tunnel.
func (w *walk) tunnel(l Layer) {
	if w.tunneled {
		w.h.Last = l
		return
	}
	w.tunneled = true
	vni := w.rest[4:7]
	w.vni = uint32(vni[0])<<16 | uint32(vni[1])<<8 | uint32(vni[2])
}
