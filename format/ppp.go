// SPDX-License-Identifier: Apache-2.0

package format

import "strconv"

// Protocol numbers of PPP, see IANA's "ppp-numbers".
const (
	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
)

// pppProtocols has the names of protocols. What gopacket has names for has those.
var pppProtocols = map[uint16]string{
	pppIPv4: "IPv4",
	pppIPv6: "IPv6",
	0x003d:  "Multilink",
	0x00fd:  "Compressed",
	0x0281:  "MPLSUnicast",
	0x0283:  "MPLSMulticast",
	0x8021:  "IPCP",
	0x8057:  "IPv6CP",
	0x80fd:  "CCP",
	0x8281:  "MPLSCP",
	0xc021:  "LCP",
	0xc023:  "PAP",
	0xc025:  "LQR",
	0xc223:  "CHAP",
	0xc227:  "EAP",
}

// pppoe walks over a header of RFC 2516. Of a session, Linux does not look at its version and code.
func (d *dissection) pppoe() (next layerKind) {
	header, whole := d.take(layerPPPoE, pppoeSize)
	if !whole {
		return layerNone
	}
	d.carry(int(be16(header[4:])))
	if d.h.etherType == etherTypePPPoES {
		return layerPPP
	}
	return layerNone
}

// ppp walks over a protocol number. In GRE, the address and control fields of HDLC may be in front of it, and it may be
// of one byte.
func (d *dissection) ppp() (next layerKind) {
	size := pppSize
	if d.h.etherType != etherTypePPPoES {
		size = pppHeaderSize(d.rest())
	}
	header, whole := d.take(layerPPP, size)
	if !whole {
		return layerNone
	}
	switch protocol, _ := pppProtocol(header); protocol {
	case pppIPv4:
		return layerIPv4
	case pppIPv6:
		return layerIPv6
	default:
		return layerNone
	}
}

// hdlcSize is the size of the fields that PPP over serial lines has in front: all stations, unnumbered information.
const hdlcSize = 2

// hasHDLC reports whether b begins with them, as far as it goes. There is no protocol 0xff.
func hasHDLC(b []byte) bool { return len(b) > 0 && b[0] == 0xff && (len(b) == 1 || b[1] == 3) }

// pppHeaderSize returns the size of the header that b begins with, as far as it tells: the last byte of a number is odd.
func pppHeaderSize(b []byte) int {
	size := 0
	if hasHDLC(b) {
		size = hdlcSize
	}
	if len(b) > size && b[size]&1 != 0 {
		return size + 1
	}
	return size + pppSize
}

// pppProtocol returns the number that a header has.
func pppProtocol(header []byte) (number uint16, ok bool) {
	if hasHDLC(header) {
		header = header[min(hdlcSize, len(header)):]
	}
	switch {
	case len(header) == pppSize:
		return be16(header), true
	case len(header) == 1 && header[0]&1 != 0:
		return uint16(header[0]), true
	default:
		return 0, false
	}
}

// appendPPPProtocol appends the name of the protocol that a header has, the number if it has none, nothing
// if the header is cut.
func appendPPPProtocol(dst, header []byte) []byte {
	number, ok := pppProtocol(header)
	if !ok {
		return dst
	}
	if name, ok := pppProtocols[number]; ok {
		return append(dst, name...)
	}
	return appendHex(dst, uint64(number))
}

func (w *layerWriter) pppoe() {
	w.begin("PPPoE")
	w.bits(" Version=", 0, 1, 0xf0)
	w.bits(" Type=", 0, 1, 0x0f)
	if w.has(1, 1) {
		w.dst = appendPPPoECode(append(w.dst, " Code="...), w.header[1])
	}
	w.uint16(" SessionId=", 2)
	w.uint16(" Length=", 4)
}

func appendPPPoECode(dst []byte, code uint8) []byte {
	switch code {
	case 0x00:
		return append(dst, "PPP"...)
	case 0x07:
		return append(dst, "PADO"...)
	case 0x09:
		return append(dst, "PADI"...)
	case 0x19:
		return append(dst, "PADR"...)
	case 0x65:
		return append(dst, "PADS"...)
	case 0xa7:
		return append(dst, "PADT"...)
	default:
		return strconv.AppendUint(dst, uint64(code), 10)
	}
}

func (w *layerWriter) ppp() {
	w.begin("PPP")
	if _, ok := pppProtocol(w.header); ok {
		w.dst = appendPPPProtocol(append(w.dst, " PPPType="...), w.header)
		w.dst = strconv.AppendBool(append(w.dst, " HasPPTPHeader="...), hasHDLC(w.header))
	}
}
