// SPDX-License-Identifier: Apache-2.0

package packet

const sapSNAP = 0xaa // a service access point

// Control fields of LLC.
const (
	llcUI         = 3 // unnumbered information
	LLCUnnumbered = 3 // the bits that mark frames without a number; with one, the field has two bytes
)

func (d *Dissection) llc() (next LayerKind) {
	size := LLCSize
	rest := d.rest()
	snap := len(rest) >= LLCSize && rest[0] == sapSNAP && rest[1] == sapSNAP && rest[2] == llcUI
	switch {
	case snap:
		size += SNAPSize
	case len(rest) > 2 && rest[2]&LLCUnnumbered != LLCUnnumbered:
		size++
	}
	header, whole := d.take(LayerLLC, size)
	if snap && whole && header[3]|header[4]|header[5] == 0 { // the organisation that means EtherTypes
		return d.byEtherType(be16(header[6:]))
	}
	return LayerNone
}
