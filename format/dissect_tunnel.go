// SPDX-License-Identifier: Apache-2.0

package format

// tunnel is the kind of a tunnel.
type tunnel uint8

const (
	tunnelNone tunnel = iota
	tunnelVXLAN
	tunnelGeneve
	tunnelGRE
	tunnelERSPAN
	tunnelIPIP
	tunnel6in4
	tunnel4in6
	tunnel6in6
	tunnelSRv6
	tunnelEtherIP
	tunnelEthernet // Ethernet directly in IP
	tunnelMPLS     // MPLS directly in IP
)

func (t tunnel) String() string {
	return [...]string{
		tunnelVXLAN:    "vxlan",
		tunnelGeneve:   "geneve",
		tunnelGRE:      "gre",
		tunnelERSPAN:   "erspan",
		tunnelIPIP:     "ipip",
		tunnel6in4:     "6in4",
		tunnel4in6:     "4in6",
		tunnel6in6:     "6in6",
		tunnelSRv6:     "srv6",
		tunnelEtherIP:  "etherip",
		tunnelEthernet: "ethernet",
		tunnelMPLS:     "mpls",
	}[t]
}

// Sizes of headers in bytes.
const (
	vxlanSize   = 8
	geneveSize  = 8
	greSize     = 4
	etherIPSize = 2
	wccpSize    = 4
)

// Flags of VXLAN: RFC 7348, and the group policy extension.
const (
	vxlanI         = 0x08 // of the first byte
	vxlanG         = 0x80
	vxlanDontLearn = 0x40 // of the second
	vxlanApplied   = 0x08
)

// overlayByPort returns what is carried by the datagram whose header was taken last, by its port. It is for packets in
// a packet, of which the datapath says nothing. The header that follows has to be there, since a port alone says nothing.
func (d *dissection) overlayByPort() tunnel {
	const ( // IANA's, and the one that Linux and Cilium use for VXLAN
		portVXLAN      = 4789
		portVXLANLinux = 8472
		portGeneve     = 6081
	)
	switch d.h.conn.dstPort {
	case portVXLAN, portVXLANLinux:
		if len(d.rest()) >= vxlanSize {
			return tunnelVXLAN
		}
	case portGeneve:
		if len(d.rest()) >= geneveSize {
			return tunnelGeneve
		}
	}
	return tunnelNone
}

// isVXLAN reports whether a VXLAN header follows that Linux would accept: with a network identifier
// and no flags but those of the group policy. A port alone says nothing.
func (d *dissection) isVXLAN() bool {
	allowed := [vxlanSize]byte{vxlanI, 4: 0xff, 0xff, 0xff}
	rest := d.rest()
	rest = rest[:min(len(rest), vxlanSize)]
	if len(rest) > 0 && rest[0]&vxlanG != 0 {
		allowed = [vxlanSize]byte{vxlanI | vxlanG, vxlanDontLearn | vxlanApplied, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	for i, b := range rest {
		if b&^allowed[i] != 0 {
			return false
		}
	}
	return d.room() >= vxlanSize && (len(rest) == 0 || rest[0]&vxlanI != 0)
}

func (d *dissection) vxlan() (next layerKind) {
	if _, whole := d.take(layerVXLAN, vxlanSize); !whole {
		return layerNone
	}
	d.enter(tunnelVXLAN)
	return layerEthernet
}

// isGeneve reports whether a Geneve header (RFC 8926) follows that Linux would accept: of version 0, with
// options that fit, and with a protocol that it carries.
func (d *dissection) isGeneve() bool {
	rest := d.rest()
	switch {
	case d.room() < geneveHeaderSize(rest) || len(rest) > 0 && rest[0]>>6 != 0:
		return false
	case len(rest) < 4:
		return true
	}
	switch be16(rest[2:]) {
	case etherTypeTEB, etherTypeIPv4, etherTypeIPv6:
		return true
	default:
		return false
	}
}

// geneveHeaderSize returns the size of the Geneve header that b begins with, as far as it tells.
func geneveHeaderSize(b []byte) int {
	if len(b) == 0 {
		return geneveSize
	}
	return geneveSize + int(b[0]&0x3f)*4
}

func (d *dissection) geneve() (next layerKind) {
	header, whole := d.take(layerGeneve, geneveHeaderSize(d.rest()))
	if !whole {
		return layerNone
	}
	return d.carriedFrame(tunnelGeneve, be16(header[2:]))
}

// carriedFrame begins the packet of an EtherType that t carries, if it is one that is known.
func (d *dissection) carriedFrame(t tunnel, etherType uint16) (next layerKind) {
	next = layerEthernet
	if etherType != etherTypeTEB {
		next = etherLayer(etherType)
	}
	if next != layerNone {
		d.enter(t)
		d.h.etherType = etherType
	}
	return next
}

// Flags of GRE (RFC 2784, 2890, 2637 and, for source routes, 1701).
const (
	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greAck      = 0x0080 // of version 1
	greVersion  = 0x0007
)

func (d *dissection) gre() (next layerKind) {
	header, whole := d.take(layerGRE, greHeaderSize(d.rest()))
	switch {
	case len(header) >= 2 && be16(header)&greVersion > 1:
		return d.malformed()
	case !whole:
		return layerNone
	}
	return d.carriedByGRE(header)
}

// Protocols of GRE that are no EtherTypes of what is carried.
const (
	greERSPAN2 = 0x88be
	greERSPAN3 = 0x22eb
	grePPP     = 0x880b
	greWCCP    = 0x883e
)

// carriedByGRE begins what a whole header says that is carried.
func (d *dissection) carriedByGRE(header []byte) (next layerKind) {
	flags, protocol := be16(header), be16(header[2:])
	switch {
	case protocol == greERSPAN2 && flags&greSequence == 0: // of type I, without a header
		d.take(layerERSPAN, 0)
		d.enter(tunnelERSPAN)
		return layerEthernet
	case protocol == greERSPAN2, protocol == greERSPAN3:
		return layerERSPAN
	case protocol == grePPP && flags&(greVersion|greKey|greSequence) == greKey|greSequence|1: // or there is no payload
		d.carry(int(be16(header[greSize:]))) // in the place of a half of the key
		d.enter(tunnelGRE)
		return layerPPP
	case protocol == greWCCP:
		d.enter(tunnelGRE)
		return layerIPv4
	default:
		return d.carriedFrame(tunnelGRE, protocol)
	}
}

// appendGREProtocol appends the name of the protocol of GRE, the number if it has none. It is an EtherType, but not
// a length; those that are messages of GRE itself have 0.
func appendGREProtocol(dst []byte, number uint16) []byte {
	switch {
	case number == greERSPAN3:
		return append(dst, "ERSPAN Type III"...)
	case number < etherTypeMin:
		return appendHex(dst, uint64(number))
	default:
		return appendEtherType(dst, number)
	}
}

// greHeaderSize returns the size of the GRE header that b begins with, as far as it tells.
func greHeaderSize(b []byte) int {
	size := greSize
	if len(b) < 2 {
		return size
	}
	flags := be16(b)
	for _, field := range [...]bool{
		flags&(greChecksum|greRouting) != 0, flags&greKey != 0, flags&greSequence != 0, flags&(greAck|greVersion) == greAck|1,
	} {
		if field {
			size += 4
		}
	}
	if flags&greRouting == 0 {
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

func (d *dissection) etherIP() (next layerKind) {
	header, whole := d.take(layerEtherIP, etherIPSize)
	switch {
	case len(header) > 0 && header[0]>>4 != 3:
		return d.malformed()
	case !whole:
		return layerNone
	}
	d.enter(tunnelEtherIP)
	return layerEthernet
}
