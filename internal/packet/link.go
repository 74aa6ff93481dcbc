// SPDX-License-Identifier: Apache-2.0

package packet

// EtherTypes, see linux/if_ether.h and IANA's "ieee-802-numbers".
const (
	EtherTypeLLC    = 0      // stands for what has no EtherType, but a length
	EtherTypeMin    = 0x0600 // what is less is a length
	EtherTypeIPv4   = 0x0800
	EtherTypeARP    = 0x0806
	EtherTypeTEB    = 0x6558 // transparent Ethernet bridging: a whole frame
	EtherTypeRARP   = 0x8035
	EtherTypeVLAN   = 0x8100 // 802.1Q
	EtherTypeIPv6   = 0x86dd
	EtherTypeMPLS   = 0x8847
	EtherTypeMPLSMC = 0x8848
	EtherTypePPPoED = 0x8863 // discovery
	EtherTypePPPoES = 0x8864 // session
	EtherTypeSVLAN  = 0x88a8 // 802.1ad
	EtherTypeQinQ   = 0x9100 // what 802.1ad was before it had a number
)

// Sizes of headers in bytes.
const (
	EthernetSize = 14
	VLANSize     = 4
	MPLSSize     = 4
	LLCSize      = 3
	SNAPSize     = 5
	ARPFixedSize = 8
	PPPoESize    = 6
	PPPSize      = 2
)

// byEtherType notes the EtherType of what follows and returns the layer that it announces.
func (d *Dissection) byEtherType(t uint16) (next LayerKind) {
	d.h.EtherType = t
	return etherLayer(t)
}

// etherLayer returns the layer that an EtherType announces.
func etherLayer(t uint16) LayerKind {
	switch t {
	case EtherTypeIPv4:
		return LayerIPv4
	case EtherTypeIPv6:
		return LayerIPv6
	case EtherTypeARP, EtherTypeRARP:
		return LayerARP
	case EtherTypeVLAN, EtherTypeSVLAN, EtherTypeQinQ:
		return LayerVLAN
	case EtherTypeMPLS, EtherTypeMPLSMC:
		return LayerMPLS
	case EtherTypePPPoED, EtherTypePPPoES:
		return LayerPPPoE
	default:
		return LayerNone
	}
}

// ipByVersion returns the layer that the version of an IP header announces.
func (d *Dissection) ipByVersion() (next LayerKind) {
	rest := d.rest()
	switch {
	case len(rest) == 0:
		return LayerNone
	case rest[0]>>4 == 4:
		return LayerIPv4
	case rest[0]>>4 == 6:
		return LayerIPv6
	default:
		return LayerNone
	}
}

func (d *Dissection) ethernet() (next LayerKind) {
	header, whole := d.take(LayerEthernet, EthernetSize)
	if !whole {
		return LayerNone
	}
	d.h.MAC = len(d.Layers) - 1
	return d.typeOrLength(be16(header[12:]))
}

// typeOrLength returns what follows the last field of an Ethernet header or VLAN tag.
func (d *Dissection) typeOrLength(n uint16) (next LayerKind) {
	if n >= EtherTypeMin {
		return d.byEtherType(n)
	}
	d.h.EtherType = EtherTypeLLC
	if d.h.llc { // there is one length in a frame
		return LayerNone
	}
	d.h.llc = true
	d.carry(int(n))
	return LayerLLC
}

func (d *Dissection) vlan() (next LayerKind) {
	header, whole := d.take(LayerVLAN, VLANSize)
	if !whole {
		return LayerNone
	}
	return d.typeOrLength(be16(header[2:]))
}

func (d *Dissection) mpls() (next LayerKind) {
	header, whole := d.take(LayerMPLS, MPLSSize)
	switch {
	case !whole:
		return LayerNone
	case header[2]&1 == 0: // not the bottom of the stack
		return LayerMPLS
	default:
		return d.ipByVersion() // what is under the stack only its sender knows; it is IP if it looks so
	}
}

func (d *Dissection) arp() (next LayerKind) {
	size := ARPFixedSize
	if rest := d.rest(); len(rest) > 5 {
		size += 2 * (int(rest[4]) + int(rest[5]))
	}
	d.take(LayerARP, size)
	return LayerNone
}
