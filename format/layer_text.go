// SPDX-License-Identifier: Apache-2.0

package format

import (
	"math/bits"
	"net/netip"
	"strconv"

	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/packet"
)

// The text of a layer has the form and, where gopacket has the layer, the fields of
// gopacket.LayerString, which scripts parse out of the JSON output. That uses reflection, allocates
// a hundred times for a packet, and has nothing of a header that is cut.

// layerText writes the text of layers.
type layerText struct {
	// tab is between the name of a layer and its fields: a tab, in JSON its escape.
	tab string
}

// layerWriter writes the fields of a header. What was not captured of them is left out.
type layerWriter struct {
	dst     []byte
	header  []byte // as far as captured
	payload []byte
	tab     string
}

// appendLayer appends the text of l, and what is wrong with it.
func (d *dissection) appendLayer(dst []byte, l *packet.Layer, text layerText) []byte {
	w := layerWriter{dst: dst, header: d.Header(l), payload: d.Payload(l), tab: text.tab}
	switch l.Kind {
	case packet.LayerEthernet:
		w.ethernet()
	case packet.LayerVLAN:
		w.vlan()
	case packet.LayerLLC:
		w.llc()
	case packet.LayerMPLS:
		w.mpls()
	case packet.LayerPPPoE:
		w.pppoe()
	case packet.LayerPPP:
		w.ppp()
	case packet.LayerARP:
		w.arp()
	case packet.LayerIPv4:
		w.ipv4()
	case packet.LayerIPv6:
		w.ipv6()
	case packet.LayerHopByHop, packet.LayerDestination, packet.LayerMobility, packet.LayerHIP, packet.LayerShim6:
		w.extension(l.Kind)
	case packet.LayerRouting:
		w.routing()
	case packet.LayerFragment:
		w.fragment()
	case packet.LayerAH:
		w.ah()
	case packet.LayerESP:
		w.esp()
	case packet.LayerTCP:
		w.tcp(&d.tcpOptions)
	case packet.LayerUDP:
		w.udp()
	case packet.LayerUDPLite:
		w.udpLite()
	case packet.LayerSCTP:
		w.sctp()
	case packet.LayerDCCP:
		w.dccp()
	case packet.LayerICMPv4:
		w.icmpv4(d)
	case packet.LayerICMPv6:
		w.icmpv6(d)
	case packet.LayerIGMP:
		w.igmp()
	case packet.LayerVRRP:
		w.vrrp(d.Headers[l.In].V6)
	case packet.LayerGRE:
		w.gre()
	case packet.LayerERSPAN:
		w.erspan()
	case packet.LayerEtherIP:
		w.begin("EtherIP")
		w.bits(" Version=", 0, 1, 0xf0)
	case packet.LayerVXLAN:
		w.vxlan()
	case packet.LayerGeneve:
		w.geneve()
	default: // LayerOther
		w.dst = appendOtherName(w.dst, uint8(l.Protocol))
		w.begin("")
	}
	dst = append(w.dst, '}')
	switch l.State {
	case packet.Whole:
	case packet.Cut:
		dst = appendUint(dst, " cut: ", uint64(l.End-l.Start))
		dst = append(appendUint(dst, " of ", uint64(l.Size)), " bytes captured"...)
	case packet.Malformed:
		dst = append(dst, " malformed"...)
		if l.End-l.Start < l.Size {
			dst = appendUint(dst, ": ", uint64(l.End-l.Start))
			dst = append(appendUint(dst, " of ", uint64(l.Size)), " bytes"...)
		}
	}
	return dst
}

// appendOtherName appends the name of a layer of which only that is known. None is one of those that are
// dissected, though gopacket calls protocol 94 IPv4.
func appendOtherName(dst []byte, protocol uint8) []byte {
	if layers.IPProtocol(protocol) == layers.IPProtocolIPIP {
		return append(dst, ianaProtocols[protocol]...)
	}
	return appendIPProtocol(dst, protocol)
}

// begin appends the name of a layer and the two fields that all have.
func (w *layerWriter) begin(name string) {
	w.beginWith(name, w.header, w.payload)
}

func (w *layerWriter) beginWith(name string, contents, payload []byte) {
	dst := append(w.dst, name...)
	dst = append(dst, w.tab...)
	dst = appendBytes(append(dst, "{Contents="...), contents)
	w.dst = appendBytes(append(dst, " Payload="...), payload)
}

// has reports whether size bytes at off were captured.
func (w *layerWriter) has(off, size int) bool { return off+size <= len(w.header) }

// uint8, uint16 and uint32 append the number at off.

func (w *layerWriter) uint8(name string, off int) {
	if w.has(off, 1) {
		w.dst = appendUint(w.dst, name, uint64(w.header[off]))
	}
}

func (w *layerWriter) uint16(name string, off int) {
	if w.has(off, 2) {
		w.dst = appendUint(w.dst, name, uint64(be16(w.header[off:])))
	}
}

func (w *layerWriter) uint32(name string, off int) {
	if w.has(off, 4) {
		w.dst = appendUint(w.dst, name, uint64(be32(w.header[off:])))
	}
}

// bits appends what is under mask of the number of size bytes at off, shifted so that the mask begins at bit 0.
func (w *layerWriter) bits(name string, off, size int, mask uint32) {
	if !w.has(off, size) {
		return
	}
	var n uint32
	for _, b := range w.header[off : off+size] {
		n = n<<8 | uint32(b)
	}
	w.dst = appendUint(w.dst, name, uint64(n&mask>>bits.TrailingZeros32(mask)))
}

// bool appends whether a bit of the byte at off is set.
func (w *layerWriter) bool(name string, off int, bit byte) {
	if w.has(off, 1) {
		w.dst = strconv.AppendBool(append(w.dst, name...), w.header[off]&bit != 0)
	}
}

// bytes appends all from off up to end.
func (w *layerWriter) bytes(name string, off, end int) {
	if w.has(off, 0) {
		w.dst = appendBytes(append(w.dst, name...), w.header[off:min(end, len(w.header))])
	}
}

func (w *layerWriter) mac(name string, off int) {
	if w.has(off, 6) {
		w.dst = appendMAC(append(w.dst, name...), w.header[off:off+6])
	}
}

func (w *layerWriter) ipv4Addr(name string, off int) {
	if w.has(off, 4) {
		w.dst = netip.AddrFrom4([4]byte(w.header[off:])).AppendTo(append(w.dst, name...))
	}
}

func (w *layerWriter) protocol(name string, off int) {
	if w.has(off, 1) {
		w.dst = appendIPProtocol(append(w.dst, name...), w.header[off])
	}
}

func (w *layerWriter) etherType(name string, off int) {
	if w.has(off, 2) {
		w.dst = appendEtherType(append(w.dst, name...), be16(w.header[off:]))
	}
}

// list appends n elements, of a longer list only the length.
func (w *layerWriter) list(name string, n int, element func(i int)) {
	w.dst = append(append(w.dst, name...), '[')
	if n > maxListed {
		w.dst = appendElided(w.dst, n)
	} else {
		for i := range n {
			if i > 0 {
				w.dst = append(w.dst, ", "...)
			}
			element(i)
		}
	}
	w.dst = append(w.dst, ']')
}

// maxListed is how many elements of a list are written out. Of a longer one only the
// length is.
const maxListed = 4

func appendElided(dst []byte, n int) []byte {
	dst = strconv.AppendInt(append(dst, ".."...), int64(n), 10)
	return append(dst, ".."...)
}

func appendBytes(dst, b []byte) []byte {
	dst = append(dst, '[')
	if len(b) > maxListed {
		dst = appendElided(dst, len(b))
	} else {
		for i, c := range b {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = strconv.AppendUint(dst, uint64(c), 10)
		}
	}
	return append(dst, ']')
}

func appendMAC(dst, mac []byte) []byte {
	for i, b := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = appendHexByte(dst, b)
	}
	return dst
}
