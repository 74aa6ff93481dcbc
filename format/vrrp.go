// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"
	"strconv"

	"github.com/cilium/monitor/internal/packet"
)

// vrrpAdvertisement is the only type of messages of VRRP.
const vrrpAdvertisement = 1

// appendVRRPSummary appends version, type, router and priority.
func (d *dissection) appendVRRPSummary(dst []byte, h *packet.Headers) []byte {
	message := d.lastHeader(h)
	if len(message) < 3 {
		return dst
	}
	dst = appendVRRPType(append(dst, ' '), message[0])
	dst = strconv.AppendUint(append(dst, ' '), uint64(message[1]), 10)
	return strconv.AppendUint(append(dst, ' '), uint64(message[2]), 10)
}

// appendVRRPType appends version and type, which are in one byte.
func appendVRRPType(dst []byte, b byte) []byte {
	dst = appendUint(dst, "VRRPv", uint64(b>>4))
	if b&0xf == vrrpAdvertisement {
		return append(dst, " Advertisement"...)
	}
	return appendUint(dst, " type ", uint64(b&0xf))
}

// vrrp appends versions 2 (RFC 3768) and 3 (RFC 9568), whose addresses are of what carries it.
func (w *layerWriter) vrrp(v6 bool) {
	w.begin("VRRP")
	w.bits(" Version=", 0, 1, 0xf0)
	if w.has(0, 1) {
		w.dst = appendVRRPType(append(w.dst, " Type="...), w.header[0])
	}
	w.uint8(" VirtualRtrID=", 1)
	w.uint8(" Priority=", 2)
	w.uint8(" CountIPAddr=", 3)
	if w.has(0, 1) && w.header[0]>>4 == 3 {
		w.bits(" MaxAdverInt=", 4, 2, 0x0fff)
	} else {
		if w.has(4, 1) {
			w.dst = append(append(w.dst, " AuthType="...), vrrpAuthType(w.header[4])...)
		}
		w.uint8(" AdverInt=", 5)
	}
	w.uint16(" Checksum=", 6)
	switch {
	case !w.has(packet.VRRPSize, 0):
	case v6:
		w.list(" IPAddress=", min(int(w.header[3]), (len(w.header)-packet.VRRPSize)/16), func(i int) {
			w.dst = netip.AddrFrom16([16]byte(w.header[packet.VRRPSize+16*i:])).AppendTo(w.dst)
		})
	default:
		w.ipv4Addrs(" IPAddress=", packet.VRRPSize, int(w.header[3]))
	}
}

func vrrpAuthType(number uint8) string {
	switch number {
	case 0:
		return "No Authentication"
	case 1, 2:
		return "Reserved"
	default:
		return ""
	}
}
