// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/cilium/monitor/internal/packet"
)

// pppProtocols has the names of protocols. What gopacket has names for has those.
var pppProtocols = map[uint16]string{
	packet.PPPIPv4: "IPv4",
	packet.PPPIPv6: "IPv6",
	0x003d:         "Multilink",
	0x00fd:         "Compressed",
	0x0281:         "MPLSUnicast",
	0x0283:         "MPLSMulticast",
	0x8021:         "IPCP",
	0x8057:         "IPv6CP",
	0x80fd:         "CCP",
	0x8281:         "MPLSCP",
	0xc021:         "LCP",
	0xc023:         "PAP",
	0xc025:         "LQR",
	0xc223:         "CHAP",
	0xc227:         "EAP",
}

// appendPPPProtocol appends the name of the protocol that a header has, the number if it has none, nothing
// if the header is cut.
func appendPPPProtocol(dst, header []byte) []byte {
	number, ok := packet.PPPProtocol(header)
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
	if _, ok := packet.PPPProtocol(w.header); ok {
		w.dst = appendPPPProtocol(append(w.dst, " PPPType="...), w.header)
		w.dst = strconv.AppendBool(append(w.dst, " HasPPTPHeader="...), packet.HasHDLC(w.header))
	}
}
