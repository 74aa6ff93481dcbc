// SPDX-License-Identifier: Apache-2.0

package format

// tunnel is the kind of a tunnel.
type tunnel uint8

const (
	tunnelNone tunnel = iota
	tunnelVXLAN
	tunnelGeneve
	tunnelGRE
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
)

// Flags of VXLAN: RFC 7348, and the group policy extension.
const (
	vxlanI         = 0x08 // of the first byte
	vxlanG         = 0x80
	vxlanDontLearn = 0x40 // of the second
	vxlanApplied   = 0x08
)

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
	return d.carriedFrame(tunnelGRE, be16(header[2:]))
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
		return size
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
