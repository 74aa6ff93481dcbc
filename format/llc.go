// SPDX-License-Identifier: Apache-2.0

package format

// Service access points of LLC.
const (
	sapSTP  = 0x42
	sapSNAP = 0xaa
	sapISIS = 0xfe
)

// Control fields of LLC.
const (
	llcUI         = 3 // unnumbered information
	llcUnnumbered = 3 // the bits that mark frames without a number; with one, the field has two bytes
)

func (d *dissection) llc() (next layerKind) {
	size := llcSize
	rest := d.rest()
	snap := len(rest) >= llcSize && rest[0] == sapSNAP && rest[1] == sapSNAP && rest[2] == llcUI
	switch {
	case snap:
		size += snapSize
	case len(rest) > 2 && rest[2]&llcUnnumbered != llcUnnumbered:
		size++
	}
	header, whole := d.take(layerLLC, size)
	if snap && whole && header[3]|header[4]|header[5] == 0 { // the organisation that means EtherTypes
		return d.byEtherType(be16(header[6:]))
	}
	return layerNone
}

// llcName returns the name of what is behind a header, as far as it is known.
func llcName(header []byte) string {
	switch {
	case len(header) == 0:
	case header[0] == sapSTP:
		return "STP"
	case header[0] == sapISIS:
		return "IS-IS"
	case len(header) == llcSize+snapSize && [3]byte(header[3:]) == organizationCisco:
		switch be16(header[6:]) {
		case 0x2000:
			return "CDP"
		case 0x2004:
			return "DTP"
		case 0x010b:
			return "PVST"
		}
	}
	return "LLC"
}

// organizationCisco is a code in SNAP headers.
var organizationCisco = [3]byte{0, 0, 0x0c}

func (w *layerWriter) llc() {
	w.begin("LLC")
	w.uint8(" DSAP=", 0)
	w.uint8(" SSAP=", 1)
	if w.has(2, 1) && w.header[2]&llcUnnumbered != llcUnnumbered {
		w.uint16(" Control=", 2)
		return
	}
	w.uint8(" Control=", 2)
	if w.has(3, 1) {
		w.bytes(" OrganizationalCode=", 3, 6)
	}
	w.etherType(" Type=", 6)
}
