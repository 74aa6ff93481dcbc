// SPDX-License-Identifier: Apache-2.0

package packet

import "github.com/cilium/monitor/api"

// Tunnel is the kind of a tunnel.
type Tunnel uint8

const (
	TunnelNone Tunnel = iota
	TunnelVXLAN
	TunnelGeneve
	TunnelGRE
	TunnelERSPAN
	TunnelIPIP
	Tunnel6in4
	Tunnel4in6
	Tunnel6in6
	TunnelSRv6
	TunnelEtherIP
	TunnelEthernet // Ethernet directly in IP
	TunnelMPLS     // MPLS directly in IP
)

// String returns the name of the kind; there is one for each but TunnelNone.
func (t Tunnel) String() string {
	return [...]string{
		TunnelVXLAN:    "vxlan",
		TunnelGeneve:   "geneve",
		TunnelGRE:      "gre",
		TunnelERSPAN:   "erspan",
		TunnelIPIP:     "ipip",
		Tunnel6in4:     "6in4",
		Tunnel4in6:     "4in6",
		Tunnel6in6:     "6in6",
		TunnelSRv6:     "srv6",
		TunnelEtherIP:  "etherip",
		TunnelEthernet: "ethernet",
		TunnelMPLS:     "mpls",
	}[t]
}

// TunnelOf returns which tunnel the Flag constants of package api name that an event has: what its datapath takes the
// packet for.
func TunnelOf(flags uint8) Tunnel {
	switch {
	case flags&api.FlagVXLAN != 0:
		return TunnelVXLAN
	case flags&api.FlagGeneve != 0:
		return TunnelGeneve
	default:
		return TunnelNone
	}
}

// Sizes of headers in bytes.
const (
	VXLANSize   = 8
	GeneveSize  = 8
	GRESize     = 4
	EtherIPSize = 2
	wccpSize    = 4
)

// Flags of VXLAN: RFC 7348, and the group policy extension.
const (
	VXLANI         = 0x08 // of the first byte
	VXLANG         = 0x80
	VXLANDontLearn = 0x40 // of the second
	VXLANApplied   = 0x08
)

// overlayByPort returns what is carried by the datagram whose header was taken last, by its port. It is for packets in
// a packet, of which the datapath says nothing. The header that follows has to be there, since a port alone says nothing.
func (d *Dissection) overlayByPort() Tunnel {
	const ( // IANA's, and the one that Linux and Cilium use for VXLAN
		portVXLAN      = 4789
		portVXLANLinux = 8472
		portGeneve     = 6081
	)
	switch d.h.DstPort {
	case portVXLAN, portVXLANLinux:
		if len(d.rest()) >= VXLANSize {
			return TunnelVXLAN
		}
	case portGeneve:
		if len(d.rest()) >= GeneveSize {
			return TunnelGeneve
		}
	}
	return TunnelNone
}

// isVXLAN reports whether a VXLAN header follows that Linux would accept: with a network identifier
// and no flags but those of the group policy. A port alone says nothing.
func (d *Dissection) isVXLAN() bool {
	allowed := [VXLANSize]byte{VXLANI, 4: 0xff, 0xff, 0xff}
	rest := d.rest()
	rest = rest[:min(len(rest), VXLANSize)]
	if len(rest) > 0 && rest[0]&VXLANG != 0 {
		allowed = [VXLANSize]byte{VXLANI | VXLANG, VXLANDontLearn | VXLANApplied, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	for i, b := range rest {
		if b&^allowed[i] != 0 {
			return false
		}
	}
	return d.room() >= VXLANSize && (len(rest) == 0 || rest[0]&VXLANI != 0)
}

func (d *Dissection) vxlan() (next LayerKind) {
	if _, whole := d.take(LayerVXLAN, VXLANSize); !whole {
		return LayerNone
	}
	d.enter(TunnelVXLAN)
	return LayerEthernet
}

// isGeneve reports whether a Geneve header (RFC 8926) follows that Linux would accept: of version 0, with
// options that fit, and with a protocol that it carries.
func (d *Dissection) isGeneve() bool {
	rest := d.rest()
	switch {
	case d.room() < geneveHeaderSize(rest) || len(rest) > 0 && rest[0]>>6 != 0:
		return false
	case len(rest) < 4:
		return true
	}
	switch be16(rest[2:]) {
	case EtherTypeTEB, EtherTypeIPv4, EtherTypeIPv6:
		return true
	default:
		return false
	}
}

// geneveHeaderSize returns the size of the Geneve header that b begins with, as far as it tells.
func geneveHeaderSize(b []byte) int {
	if len(b) == 0 {
		return GeneveSize
	}
	return GeneveSize + int(b[0]&0x3f)*4
}

func (d *Dissection) geneve() (next LayerKind) {
	header, whole := d.take(LayerGeneve, geneveHeaderSize(d.rest()))
	if !whole {
		return LayerNone
	}
	return d.carriedFrame(TunnelGeneve, be16(header[2:]))
}

// carriedFrame begins the packet of an EtherType that t carries, if it is one that is known.
func (d *Dissection) carriedFrame(t Tunnel, etherType uint16) (next LayerKind) {
	next = LayerEthernet
	if etherType != EtherTypeTEB {
		next = etherLayer(etherType)
	}
	if next != LayerNone {
		d.enter(t)
		d.h.EtherType = etherType
	}
	return next
}

// Flags of GRE (RFC 2784, 2890, 2637 and, for source routes, 1701).
const (
	GREChecksum = 0x8000
	GRERouting  = 0x4000
	GREKey      = 0x2000
	GRESequence = 0x1000
	GREAck      = 0x0080 // of version 1
	GREVersion  = 0x0007
)

func (d *Dissection) gre() (next LayerKind) {
	header, whole := d.take(LayerGRE, greHeaderSize(d.rest()))
	switch {
	case len(header) >= 2 && be16(header)&GREVersion > 1:
		return d.malformed()
	case !whole:
		return LayerNone
	}
	return d.carriedByGRE(header)
}

// Protocols of GRE that are no EtherTypes of what is carried.
const (
	greERSPAN2 = 0x88be
	GREERSPAN3 = 0x22eb
	grePPP     = 0x880b
	greWCCP    = 0x883e
)

// carriedByGRE begins what a whole header says that is carried.
func (d *Dissection) carriedByGRE(header []byte) (next LayerKind) {
	flags, protocol := be16(header), be16(header[2:])
	switch {
	case protocol == greERSPAN2 && flags&GRESequence == 0: // of type I, without a header
		d.take(LayerERSPAN, 0)
		d.enter(TunnelERSPAN)
		return LayerEthernet
	case protocol == greERSPAN2, protocol == GREERSPAN3:
		return LayerERSPAN
	case protocol == grePPP && flags&(GREVersion|GREKey|GRESequence) == GREKey|GRESequence|1: // or there is no payload
		d.carry(int(be16(header[GRESize:]))) // in the place of a half of the key
		d.enter(TunnelGRE)
		return LayerPPP
	case protocol == greWCCP:
		d.enter(TunnelGRE)
		return LayerIPv4
	default:
		return d.carriedFrame(TunnelGRE, protocol)
	}
}

// greHeaderSize returns the size of the GRE header that b begins with, as far as it tells.
func greHeaderSize(b []byte) int {
	size := GRESize
	if len(b) < 2 {
		return size
	}
	flags := be16(b)
	for _, field := range [...]bool{
		flags&(GREChecksum|GRERouting) != 0, flags&GREKey != 0, flags&GRESequence != 0, flags&(GREAck|GREVersion) == GREAck|1,
	} {
		if field {
			size += 4
		}
	}
	if flags&GRERouting == 0 {
		return size + wccpHeaderSize(b, size)
	}
	for { // source routes, up to one of family 0 without addresses
		const entry = 4
		if len(b) < size+entry {
			return size + entry
		}
		family, length := be16(b[size:]), int(b[size+3])
		size += entry + length
		if family == 0 && length == 0 {
			return size
		}
	}
}

// wccpHeaderSize returns the size of the header that version 2 of WCCP has behind that of GRE, of size bytes. As Linux has
// it, the header is there if no IPv4 is.
func wccpHeaderSize(b []byte, size int) int {
	if len(b) > size && be16(b[2:]) == greWCCP && b[size]>>4 != 4 {
		return wccpSize
	}
	return 0
}

func (d *Dissection) etherIP() (next LayerKind) {
	header, whole := d.take(LayerEtherIP, EtherIPSize)
	switch {
	case len(header) > 0 && header[0]>>4 != 3:
		return d.malformed()
	case !whole:
		return LayerNone
	}
	d.enter(TunnelEtherIP)
	return LayerEthernet
}
