// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"math"

	"github.com/gopacket/gopacket/layers"
)

// dissection is a packet taken apart, in one walk from the outermost header in. What is printed
// of a packet and what filters ask of it is read from here. The zero value is ready for use; it is
// used again for each packet, so that nothing is allocated.
type dissection struct {
	packet []byte

	// layers has each header in its order, also one that is cut or malformed: it is the last then.
	layers []layer

	// headers has each packet in the packet, the outermost first. One that an ICMP error is about,
	// and all in it, is behind those that are carried.
	headers []headers

	// known is how many of headers there is something known of. The last ones may be of no more than a header
	// that is cut or malformed.
	known int

	// deeper says that more layers follow than maxLayers.
	deeper bool

	// Of the walk: where the next header begins, where the one around it says that the data ends, and
	// whether what follows that is elsewhere: in another fragment, or not quoted by an ICMP error.
	off, end  int
	elsewhere bool
	overlay   tunnel // that the first UDP datagram carries
	h         *headers

	icmpNames  map[uint32]string // see icmpName
	tcpOptions layers.TCP        // to decode options into
}

// maxLayers is how many headers of a packet are dissected. Real ones have less than half of it.
const maxLayers = 64

// layer is one header.
type layer struct {
	kind  layerKind
	state layerState

	// protocol is the number by which IP calls the layer, -1 for one that is not carried by IP.
	protocol int16

	in uint8 // d.headers[in] has it

	// The header is packet[start:end], as far as it was captured, what it carries packet[end:limit].
	start, end, limit int32

	size int32 // of the whole header in bytes
}

// layerState says how much there is of a header.
type layerState uint8

const (
	stateWhole     layerState = iota
	stateCut                  // the capture ends before the header
	stateMalformed            // the header contradicts itself or does not fit into what is around it
)

// headers are those of one packet: all up to that of the tunnel, if there is one, which carries
// the next packet.
type headers struct {
	conn connection

	first, last int    // d.layers[first:last]
	tunnel      tunnel // that carries the next packet in this one
	quoted      bool   // it is what an ICMP error is about, or in that

	mac       int    // the layer with the MAC addresses, -1 without
	etherType uint16 // of what follows the link layer
	v6        bool   // IP is of version 6
	segments  bool   // there is a segment routing header
	llc       bool   // there is a header of LLC
}

// dissect takes packet apart and keeps a slice of it. l3 says that it begins with the IP
// header, overlay that the datapath takes it for the outer packet of a tunnel.
func (d *dissection) dissect(packet []byte, l3 bool, overlay tunnel) {
	d.packet, d.overlay = packet, overlay
	d.off, d.end, d.elsewhere, d.deeper = 0, math.MaxInt, false, false
	d.layers, d.headers = d.layers[:0], d.headers[:0]
	d.begin(false)
	next := layerNone
	switch {
	case len(packet) == 0:
	case l3:
		next = d.ipByVersion()
	default:
		next = layerEthernet
	}
	for next != layerNone {
		if len(d.layers) == maxLayers {
			d.deeper = true
			break
		}
		next = d.step(next)
	}
	d.h.last = len(d.layers)
	d.finish()
}

// finish decides whether the last packet in the packet is one, or only something that should have been one. An
// overlay has a header of its own: what it carries is a packet, however little there is of it.
func (d *dissection) finish() {
	d.known = len(d.headers)
	if d.known == 1 || d.h.conn.src.IsValid() || d.h.mac >= 0 {
		return
	}
	outer := &d.headers[d.known-2]
	if outer.tunnel == tunnelVXLAN || outer.tunnel == tunnelGeneve {
		return
	}
	outer.tunnel = tunnelNone
	d.known--
}

// step walks over one header and returns what follows it.
func (d *dissection) step(kind layerKind) (next layerKind) {
	switch kind {
	case layerEthernet:
		return d.ethernet()
	case layerVLAN:
		return d.vlan()
	case layerMPLS:
		return d.mpls()
	case layerLLC:
		return d.llc()
	case layerPPPoE:
		return d.pppoe()
	case layerPPP:
		return d.ppp()
	case layerARP:
		return d.arp()
	case layerIPv4:
		return d.ipv4()
	case layerIPv6:
		return d.ipv6()
	case layerHopByHop, layerRouting, layerDestination, layerMobility, layerHIP, layerShim6:
		return d.extension(kind)
	case layerFragment:
		return d.fragment()
	case layerAH:
		return d.ah()
	case layerTCP:
		return d.tcp()
	case layerUDP:
		return d.udp()
	case layerSCTP, layerUDPLite, layerDCCP:
		return d.otherTransport(kind)
	case layerICMPv4:
		return d.icmpv4()
	case layerICMPv6:
		return d.icmpv6()
	case layerIGMP:
		return d.igmp()
	case layerVRRP:
		return d.vrrp()
	case layerGRE:
		return d.gre()
	case layerVXLAN:
		return d.vxlan()
	case layerGeneve:
		return d.geneve()
	case layerERSPAN:
		return d.erspan()
	case layerEtherIP:
		return d.etherIP()
	case layerESP:
		d.take(layerESP, espSize)
	case layerOther:
		d.take(layerOther, 0)
	case layerNone: // nothing follows
	}
	return layerNone
}

// begin begins the headers of another packet.
func (d *dissection) begin(quoted bool) {
	if d.h != nil && len(d.headers) > 0 {
		d.h.last = len(d.layers)
	}
	d.headers = append(d.headers, headers{first: len(d.layers), quoted: quoted, mac: -1})
	d.h = &d.headers[len(d.headers)-1]
}

// enter begins the headers of the packet that t carries.
func (d *dissection) enter(t tunnel) {
	d.h.tunnel = t
	d.begin(d.h.quoted)
}

// rest returns what was captured from the next header on.
func (d *dissection) rest() []byte {
	return d.packet[d.off:max(d.off, min(d.end, len(d.packet)))]
}

// room returns how many bytes there are from the next header on, captured or not.
func (d *dissection) room() int {
	if d.elsewhere {
		return math.MaxInt
	}
	return d.end - d.off
}

// take adds the next header, of size bytes. What was captured of it is returned.
func (d *dissection) take(kind layerKind, size int) (header []byte, whole bool) {
	rest := d.rest()
	state := stateWhole
	switch {
	case len(rest) >= size:
	case d.room() >= size:
		state = stateCut
	default:
		state = stateMalformed
	}
	header = rest[:min(len(rest), size)]
	protocol := int16(-1)
	if layerKinds[kind].carried {
		protocol = int16(d.h.conn.protocol)
	}
	d.layers = append(d.layers, layer{
		kind: kind, state: state, protocol: protocol, in: uint8(len(d.headers) - 1), size: int32(size),
		start: int32(d.off), end: int32(d.off + len(header)), limit: int32(d.off + len(rest)),
	})
	d.off += len(header)
	return header, state == stateWhole
}

// carry says that the header taken last has n bytes behind it.
func (d *dissection) carry(n int) {
	d.end = min(d.end, d.off+n)
	d.layers[len(d.layers)-1].limit = int32(max(d.off, min(d.end, len(d.packet))))
}

// malformed marks the header taken last.
func (d *dissection) malformed() (next layerKind) {
	d.layers[len(d.layers)-1].state = stateMalformed
	return layerNone
}

// header returns what was captured of l.
func (d *dissection) header(l *layer) []byte { return d.packet[l.start:l.end] }

// payload returns what was captured of what l carries.
func (d *dissection) payload(l *layer) []byte { return d.packet[l.end:l.limit] }

// layersOf returns the layers of one of d.headers.
func (d *dissection) layersOf(h *headers) []layer { return d.layers[h.first:h.last] }

// innermost returns the headers of what all tunnels are for. They are the outermost without one.
func (d *dissection) innermost() *headers { return &d.headers[d.carried()-1] }

// carried returns how many of the known headers are not quoted by an ICMP error.
func (d *dissection) carried() int { return carried(d.headers[:d.known]) }

// carried returns how many of the headers are those of one packet and of the tunnels around it. The others are of what
// it is about.
func carried(all []headers) int {
	n := 1
	for n < len(all) && all[n-1].tunnel != tunnelNone {
		n++
	}
	return n
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
