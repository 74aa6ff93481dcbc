// SPDX-License-Identifier: Apache-2.0

package packet

import (
	"encoding/binary"
	"math"
)

// Dissection is a packet taken apart. The zero value is ready for use; it is used again for each packet, so that
// nothing is allocated. Not safe for concurrent use. Who has one only reads its fields, which are valid until the
// next Dissect, and as long as the packet does not change.
type Dissection struct {
	// Packet is what was given, and is shared with who gave it.
	Packet []byte

	// Layers has each header in its order, also one that is cut or malformed: it is the last then.
	Layers []Layer

	// Headers has each packet in the packet, the outermost first; at least one. One that an ICMP error is about,
	// and all in it, is behind those that are carried.
	Headers []Headers

	// Known is how many of Headers there is something known of. One more may be of no more than a header
	// that is cut or malformed.
	Known int

	// Deeper says that more layers follow than are dissected.
	Deeper bool

	// Of the walk: where the next header begins, where the one around it says that the data ends, and
	// whether what follows that is elsewhere: in another fragment, or not quoted by an ICMP error.
	off, end  int
	elsewhere bool
	overlay   Tunnel // that the first UDP datagram carries
	h         *Headers
}

// maxLayers is how many headers of a packet are dissected. Real ones have less than half of it.
const maxLayers = 64

// Layer is one header.
type Layer struct {
	Kind  LayerKind
	State LayerState

	// Protocol is the number by which IP calls the layer, -1 for one that is not carried by IP.
	Protocol int16

	In uint8 // Headers[In] of the dissection has it

	// The header is Packet[Start:End], as far as it was captured, what it carries Packet[End:Limit].
	Start, End, Limit int32

	Size int32 // of the whole header in bytes
}

// LayerState says how much there is of a header.
type LayerState uint8

const (
	Whole     LayerState = iota
	Cut                  // the capture ends before the header
	Malformed            // the header contradicts itself or does not fit into what is around it
)

// Headers are those of one packet: all up to that of the tunnel, if there is one, which carries
// the next packet.
type Headers struct {
	Connection

	First, Last int    // Layers[First:Last] of the dissection
	Tunnel      Tunnel // that carries the next packet in this one
	Quoted      bool   // it is what an ICMP error is about, or in that

	MAC       int    // the index in Layers of what has the MAC addresses, -1 without
	EtherType uint16 // of what follows the link layer
	V6        bool   // IP is of version 6

	segments bool // there is a segment routing header
	llc      bool // there is a header of LLC
}

// Dissect takes a packet apart and keeps a slice of it. l3 says that it begins with the IP
// header, overlay that the datapath takes it for the outer packet of a tunnel: VXLAN, Geneve or none.
func (d *Dissection) Dissect(packet []byte, l3 bool, overlay Tunnel) {
	d.Packet, d.overlay = packet, overlay
	d.off, d.end, d.elsewhere, d.Deeper = 0, math.MaxInt, false, false
	d.Layers, d.Headers = d.Layers[:0], d.Headers[:0]
	d.begin(false)
	next := LayerNone
	switch {
	case len(packet) == 0:
	case l3:
		next = d.ipByVersion()
	default:
		next = LayerEthernet
	}
	for next != LayerNone {
		if len(d.Layers) == maxLayers {
			d.Deeper = true
			break
		}
		next = d.step(next)
	}
	d.h.Last = len(d.Layers)
	d.finish()
}

// finish decides whether the last packet in the packet is one, or only something that should have been one. An
// overlay has a header of its own: what it carries is a packet, however little there is of it.
func (d *Dissection) finish() {
	d.Known = len(d.Headers)
	if d.Known == 1 || d.h.Src.IsValid() || d.h.MAC >= 0 {
		return
	}
	outer := &d.Headers[d.Known-2]
	if outer.Tunnel == TunnelVXLAN || outer.Tunnel == TunnelGeneve {
		return
	}
	outer.Tunnel = TunnelNone
	d.Known--
}

// step walks over one header and returns what follows it.
func (d *Dissection) step(kind LayerKind) (next LayerKind) {
	switch kind {
	case LayerEthernet:
		return d.ethernet()
	case LayerVLAN:
		return d.vlan()
	case LayerMPLS:
		return d.mpls()
	case LayerLLC:
		return d.llc()
	case LayerPPPoE:
		return d.pppoe()
	case LayerPPP:
		return d.ppp()
	case LayerARP:
		return d.arp()
	case LayerIPv4:
		return d.ipv4()
	case LayerIPv6:
		return d.ipv6()
	case LayerHopByHop, LayerRouting, LayerDestination, LayerMobility, LayerHIP, LayerShim6:
		return d.extension(kind)
	case LayerFragment:
		return d.fragment()
	case LayerAH:
		return d.ah()
	case LayerTCP:
		return d.tcp()
	case LayerUDP:
		return d.udp()
	case LayerSCTP, LayerUDPLite, LayerDCCP:
		return d.otherTransport(kind)
	case LayerICMPv4:
		return d.icmpv4()
	case LayerICMPv6:
		return d.icmpv6()
	case LayerIGMP:
		return d.igmp()
	case LayerVRRP:
		return d.vrrp()
	case LayerGRE:
		return d.gre()
	case LayerVXLAN:
		return d.vxlan()
	case LayerGeneve:
		return d.geneve()
	case LayerERSPAN:
		return d.erspan()
	case LayerEtherIP:
		return d.etherIP()
	case LayerESP:
		d.take(LayerESP, ESPSize)
	case LayerOther:
		d.take(LayerOther, 0)
	case LayerNone: // nothing follows
	}
	return LayerNone
}

// begin begins the headers of another packet.
func (d *Dissection) begin(quoted bool) {
	if d.h != nil && len(d.Headers) > 0 {
		d.h.Last = len(d.Layers)
	}
	d.Headers = append(d.Headers, Headers{First: len(d.Layers), Quoted: quoted, MAC: -1})
	d.h = &d.Headers[len(d.Headers)-1]
}

// enter begins the headers of the packet that t carries.
func (d *Dissection) enter(t Tunnel) {
	d.h.Tunnel = t
	d.begin(d.h.Quoted)
}

// rest returns what was captured from the next header on.
func (d *Dissection) rest() []byte {
	return d.Packet[d.off:max(d.off, min(d.end, len(d.Packet)))]
}

// room returns how many bytes there are from the next header on, captured or not.
func (d *Dissection) room() int {
	if d.elsewhere {
		return math.MaxInt
	}
	return d.end - d.off
}

// take adds the next header, of size bytes. What was captured of it is returned.
func (d *Dissection) take(kind LayerKind, size int) (header []byte, whole bool) {
	rest := d.rest()
	state := Whole
	switch {
	case len(rest) >= size:
	case d.room() >= size:
		state = Cut
	default:
		state = Malformed
	}
	header = rest[:min(len(rest), size)]
	protocol := int16(-1)
	if carriedByIP[kind] {
		protocol = int16(d.h.Protocol)
	}
	d.Layers = append(d.Layers, Layer{
		Kind: kind, State: state, Protocol: protocol, In: uint8(len(d.Headers) - 1), Size: int32(size),
		Start: int32(d.off), End: int32(d.off + len(header)), Limit: int32(d.off + len(rest)),
	})
	d.off += len(header)
	return header, state == Whole
}

// carry says that the header taken last has n bytes behind it.
func (d *Dissection) carry(n int) {
	d.end = min(d.end, d.off+n)
	d.Layers[len(d.Layers)-1].Limit = int32(max(d.off, min(d.end, len(d.Packet))))
}

// malformed marks the header taken last.
func (d *Dissection) malformed() (next LayerKind) {
	d.Layers[len(d.Layers)-1].State = Malformed
	return LayerNone
}

// Header returns what was captured of l.
func (d *Dissection) Header(l *Layer) []byte { return d.Packet[l.Start:l.End] }

// Payload returns what was captured of what l carries.
func (d *Dissection) Payload(l *Layer) []byte { return d.Packet[l.End:l.Limit] }

// LayersOf returns the layers of one of Headers.
func (d *Dissection) LayersOf(h *Headers) []Layer { return d.Layers[h.First:h.Last] }

// Outermost returns the headers that come first.
func (d *Dissection) Outermost() *Headers { return &d.Headers[0] }

// Innermost returns the headers of what all tunnels are for. They are the outermost without one.
func (d *Dissection) Innermost() *Headers { return &d.Headers[Carried(d.Headers[:d.Known])-1] }

// Carried returns how many of the headers, at least one, are those of one packet and of the tunnels around it. The
// others are of what it is about.
func Carried(all []Headers) int {
	n := 1
	for n < len(all) && all[n-1].Tunnel != TunnelNone {
		n++
	}
	return n
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
