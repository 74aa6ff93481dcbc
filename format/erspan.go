// SPDX-License-Identifier: Apache-2.0

package format

// Sizes of headers in bytes, see draft-foschiano-erspan.
const (
	erspan2Size         = 8
	erspan3Size         = 12
	erspanSubheaderSize = 8 // of the platform, behind a header of type III
)

// erspanIII is the version of headers of type III.
const erspanIII = 2

func (d *dissection) erspan() (next layerKind) {
	rest := d.rest()
	size := erspan2Size
	if len(rest) > 0 && rest[0]>>4 == erspanIII {
		size = erspan3Size
		if len(rest) >= erspan3Size && rest[11]&1 != 0 {
			size += erspanSubheaderSize
		}
	}
	header, whole := d.take(layerERSPAN, size)
	switch {
	case len(header) > 0 && header[0]>>4 > erspanIII:
		return d.malformed()
	case !whole:
		return layerNone
	case size > erspan2Size && header[10]>>2&0x1f == erspanFrameIP:
		d.enter(tunnelERSPAN)
		return d.ipByVersion()
	default:
		d.enter(tunnelERSPAN)
		return layerEthernet
	}
}

// erspanFrameIP is the type of frames of type III that are packets of IP.
const erspanFrameIP = 2

func (w *layerWriter) erspan() {
	w.begin("ERSPAN")
	w.bits(" Version=", 0, 1, 0xf0)
	w.bits(" VLANIdentifier=", 0, 2, 0x0fff)
	w.bits(" CoS=", 2, 1, 0xe0)
	w.bool(" IsTruncated=", 2, 0x04)
	w.bits(" SessionID=", 2, 2, 0x03ff)
	if w.has(0, 1) && w.header[0]>>4 != erspanIII {
		w.bits(" TrunkEncap=", 2, 1, 0x18)
		w.bits(" Index=", 4, 4, 0x000fffff)
		return
	}
	w.uint32(" Timestamp=", 4)
	w.uint16(" SecurityGroup=", 8)
	w.bits(" FrameType=", 10, 1, 0x7c)
	w.bits(" HardwareID=", 10, 2, 0x03f0)
}
