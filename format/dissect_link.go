// SPDX-License-Identifier: Apache-2.0

package format

// EtherTypes, see linux/if_ether.h and IANA's "ieee-802-numbers".
const (
	etherTypeLLC    = 0      // stands for what has no EtherType, but a length
	etherTypeMin    = 0x0600 // what is less is a length
	etherTypeIPv4   = 0x0800
	etherTypeARP    = 0x0806
	etherTypeTEB    = 0x6558 // transparent Ethernet bridging: a whole frame
	etherTypeRARP   = 0x8035
	etherTypeVLAN   = 0x8100 // 802.1Q
	etherTypeIPv6   = 0x86dd
	etherTypeMPLS   = 0x8847
	etherTypeMPLSMC = 0x8848
	etherTypePPPoED = 0x8863 // discovery
	etherTypePPPoES = 0x8864 // session
	etherTypeSVLAN  = 0x88a8 // 802.1ad
	etherTypeQinQ   = 0x9100 // what 802.1ad was before it had a number
)

// Sizes of headers in bytes.
const (
	ethernetSize = 14
	vlanSize     = 4
	mplsSize     = 4
	llcSize      = 3
	snapSize     = 5
	arpFixedSize = 8
	pppoeSize    = 6
	pppSize      = 2
)

// byEtherType notes the EtherType of what follows and returns the layer that it announces.
func (d *dissection) byEtherType(t uint16) (next layerKind) {
	d.h.etherType = t
	return etherLayer(t)
}

// etherLayer returns the layer that an EtherType announces.
func etherLayer(t uint16) layerKind {
	switch t {
	case etherTypeIPv4:
		return layerIPv4
	case etherTypeIPv6:
		return layerIPv6
	case etherTypeARP, etherTypeRARP:
		return layerARP
	case etherTypeVLAN, etherTypeSVLAN, etherTypeQinQ:
		return layerVLAN
	case etherTypeMPLS, etherTypeMPLSMC:
		return layerMPLS
	case etherTypePPPoED, etherTypePPPoES:
		return layerPPPoE
	default:
		return layerNone
	}
}

// ipByVersion returns the layer that the version of an IP header announces.
func (d *dissection) ipByVersion() (next layerKind) {
	rest := d.rest()
	switch {
	case len(rest) == 0:
		return layerNone
	case rest[0]>>4 == 4:
		return layerIPv4
	case rest[0]>>4 == 6:
		return layerIPv6
	default:
		return layerNone
	}
}

func (d *dissection) ethernet() (next layerKind) {
	header, whole := d.take(layerEthernet, ethernetSize)
	if !whole {
		return layerNone
	}
	d.h.mac = len(d.layers) - 1
	return d.typeOrLength(be16(header[12:]))
}

// typeOrLength returns what follows the last field of an Ethernet header or VLAN tag.
func (d *dissection) typeOrLength(n uint16) (next layerKind) {
	if n >= etherTypeMin {
		return d.byEtherType(n)
	}
	d.h.etherType = etherTypeLLC
	if d.h.llc { // there is one length in a frame
		return layerNone
	}
	d.h.llc = true
	d.carry(int(n))
	return layerLLC
}

func (d *dissection) vlan() (next layerKind) {
	header, whole := d.take(layerVLAN, vlanSize)
	if !whole {
		return layerNone
	}
	return d.typeOrLength(be16(header[2:]))
}

func (d *dissection) mpls() (next layerKind) {
	header, whole := d.take(layerMPLS, mplsSize)
	switch {
	case !whole:
		return layerNone
	case header[2]&1 == 0: // not the bottom of the stack
		return layerMPLS
	default:
		return d.ipByVersion() // what is under the stack only its sender knows; it is IP if it looks so
	}
}

func (d *dissection) arp() (next layerKind) {
	size := arpFixedSize
	if rest := d.rest(); len(rest) > 5 {
		size += 2 * (int(rest[4]) + int(rest[5]))
	}
	d.take(layerARP, size)
	return layerNone
}
