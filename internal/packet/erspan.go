// SPDX-License-Identifier: Apache-2.0

package packet

// Sizes of headers in bytes, see draft-foschiano-erspan.
const (
	erspan2Size         = 8
	ERSPAN3Size         = 12
	ERSPANSubheaderSize = 8 // of the platform, behind a header of type III
)

// ERSPANIII is the version of headers of type III.
const ERSPANIII = 2

// erspanFrameIP is the type of frames of type III that are packets of IP.
const erspanFrameIP = 2

func (d *Dissection) erspan() (next LayerKind) {
	rest := d.rest()
	size := erspan2Size
	if len(rest) > 0 && rest[0]>>4 == ERSPANIII {
		size = ERSPAN3Size
		if len(rest) >= ERSPAN3Size && rest[11]&1 != 0 {
			size += ERSPANSubheaderSize
		}
	}
	header, whole := d.take(LayerERSPAN, size)
	switch {
	case len(header) > 0 && header[0]>>4 > ERSPANIII:
		return d.malformed()
	case !whole:
		return LayerNone
	case size > erspan2Size && header[10]>>2&0x1f == erspanFrameIP:
		d.enter(TunnelERSPAN)
		return d.ipByVersion()
	default:
		d.enter(TunnelERSPAN)
		return LayerEthernet
	}
}
