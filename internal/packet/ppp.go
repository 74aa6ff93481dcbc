// SPDX-License-Identifier: Apache-2.0

package packet

// Protocol numbers of PPP, see IANA's "ppp-numbers".
const (
	PPPIPv4 = 0x0021
	PPPIPv6 = 0x0057
)

// pppoe walks over a header of RFC 2516. Of a session, Linux does not look at its version and code.
func (d *Dissection) pppoe() (next LayerKind) {
	header, whole := d.take(LayerPPPoE, PPPoESize)
	if !whole {
		return LayerNone
	}
	d.carry(int(be16(header[4:])))
	if d.h.EtherType == EtherTypePPPoES {
		return LayerPPP
	}
	return LayerNone
}

// ppp walks over a protocol number. In GRE, the address and control fields of HDLC may be in front of it, and it may be
// of one byte.
func (d *Dissection) ppp() (next LayerKind) {
	size := PPPSize
	if d.h.EtherType != EtherTypePPPoES {
		size = pppHeaderSize(d.rest())
	}
	header, whole := d.take(LayerPPP, size)
	if !whole {
		return LayerNone
	}
	switch protocol, _ := PPPProtocol(header); protocol {
	case PPPIPv4:
		return LayerIPv4
	case PPPIPv6:
		return LayerIPv6
	default:
		return LayerNone
	}
}

// hdlcSize is the size of the fields that PPP over serial lines has in front: all stations, unnumbered information.
const hdlcSize = 2

// HasHDLC reports whether b begins with them, as far as it goes. There is no protocol 0xff.
func HasHDLC(b []byte) bool { return len(b) > 0 && b[0] == 0xff && (len(b) == 1 || b[1] == 3) }

// pppHeaderSize returns the size of the header that b begins with, as far as it tells: the last byte of a number is odd.
func pppHeaderSize(b []byte) int {
	size := 0
	if HasHDLC(b) {
		size = hdlcSize
	}
	if len(b) > size && b[size]&1 != 0 {
		return size + 1
	}
	return size + PPPSize
}

// PPPProtocol returns the number that a header has, false if it is cut.
func PPPProtocol(header []byte) (number uint16, ok bool) {
	if HasHDLC(header) {
		header = header[min(hdlcSize, len(header)):]
	}
	switch {
	case len(header) == PPPSize:
		return be16(header), true
	case len(header) == 1 && header[0]&1 != 0:
		return uint16(header[0]), true
	default:
		return 0, false
	}
}
