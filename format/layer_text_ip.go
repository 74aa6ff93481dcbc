// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"
	"strconv"

	"github.com/cilium/monitor/internal/packet"
)

func (w *layerWriter) ipv4() {
	w.begin("IPv4")
	w.dst = appendIPv4Fields(w.dst, w.header)
	switch {
	case len(w.header) == packet.IPv4Size && w.header[0]&0xf <= packet.IPv4Size/4:
		w.dst = append(w.dst, " Options=[] Padding=[]"...)
	case len(w.header) > packet.IPv4Size && len(w.header) == int(w.header[0]&0xf)*4:
		w.ipv4Options()
	}
}

// appendIPv4Fields appends the fields of what there is of a header, without options.
func appendIPv4Fields(dst, h []byte) []byte {
	if len(h) < 1 {
		return dst
	}
	dst = appendUint(dst, " Version=", uint64(h[0]>>4))
	dst = appendUint(dst, " IHL=", uint64(h[0]&0xf))
	if len(h) < 2 {
		return dst
	}
	dst = appendUint(dst, " TOS=", uint64(h[1]))
	if len(h) < 4 {
		return dst
	}
	dst = appendUint(dst, " Length=", uint64(be16(h[2:])))
	if len(h) < 6 {
		return dst
	}
	dst = appendUint(dst, " Id=", uint64(be16(h[4:])))
	if len(h) < 8 {
		return dst
	}
	dst = append(append(dst, " Flags="...), ipv4Flags[h[6]>>5]...)
	dst = appendUint(dst, " FragOffset=", uint64(be16(h[6:])&packet.IPv4FragmentOffset))
	if len(h) < 9 {
		return dst
	}
	dst = appendUint(dst, " TTL=", uint64(h[8]))
	if len(h) < 10 {
		return dst
	}
	dst = appendIPProtocol(append(dst, " Protocol="...), h[9])
	if len(h) < 12 {
		return dst
	}
	dst = appendUint(dst, " Checksum=", uint64(be16(h[10:])))
	if len(h) < 16 {
		return dst
	}
	dst = netip.AddrFrom4([4]byte(h[12:])).AppendTo(append(dst, " SrcIP="...))
	if len(h) < 20 {
		return dst
	}
	return netip.AddrFrom4([4]byte(h[16:])).AppendTo(append(dst, " DstIP="...))
}

// ipv4Flags has the names of the flags, by the three bits.
var ipv4Flags = [8]string{"", "MF", "DF", "DF|MF", "Evil", "Evil|MF", "Evil|DF", "Evil|DF|MF"}

func (w *layerWriter) ipv4Options() {
	options := w.header[packet.IPv4Size:]
	n, padding := 0, []byte(nil)
	for rest := options; len(rest) > 0; n++ {
		var option []byte
		if option, rest = nextOption(rest); option == nil {
			break
		}
		if option[0] == 0 {
			n, padding = n+1, rest
			break
		}
	}
	w.list(" Options=", n, func(int) {
		var option []byte
		option, options = nextOption(options)
		w.dst = append(w.dst, "IPv4Option("...)
		w.dst = strconv.AppendUint(w.dst, uint64(option[0]), 10)
		w.dst = append(w.dst, ":["...)
		for i, b := range option[min(2, len(option)):] {
			if i > 0 {
				w.dst = append(w.dst, ' ')
			}
			w.dst = strconv.AppendUint(w.dst, uint64(b), 10)
		}
		w.dst = append(w.dst, "])"...)
	})
	w.dst = appendBytes(append(w.dst, " Padding="...), padding)
}

// nextOption returns the first of the options of an IPv4 or TCP header, with its type and length, and what
// follows it; nil if that is not whole.
func nextOption(b []byte) (option, rest []byte) {
	size := 1 // of the end of the options, and of no operation
	if b[0] > 1 {
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return nil, b
		}
		size = int(b[1])
	}
	return b[:size], b[size:]
}

func (w *layerWriter) ipv6() {
	w.begin("IPv6")
	w.dst = appendIPv6Fields(w.dst, w.header)
}

// appendIPv6Fields appends the fields of what there is of a header.
func appendIPv6Fields(dst, h []byte) []byte {
	if len(h) < 4 {
		return dst
	}
	dst = appendUint(dst, " Version=", uint64(h[0]>>4))
	dst = appendUint(dst, " TrafficClass=", uint64(be16(h)>>4&0xff))
	dst = appendUint(dst, " FlowLabel=", uint64(be32(h)&0xfffff))
	if len(h) < 6 {
		return dst
	}
	dst = appendUint(dst, " Length=", uint64(be16(h[4:])))
	if len(h) < 7 {
		return dst
	}
	dst = appendIPProtocol(append(dst, " NextHeader="...), h[6])
	if len(h) < 8 {
		return dst
	}
	dst = appendUint(dst, " HopLimit=", uint64(h[7]))
	if len(h) < 24 {
		return dst
	}
	dst = netip.AddrFrom16([16]byte(h[8:])).Unmap().AppendTo(append(dst, " SrcIP="...))
	if len(h) < packet.IPv6Size {
		return dst
	}
	dst = netip.AddrFrom16([16]byte(h[24:])).Unmap().AppendTo(append(dst, " DstIP="...))
	return append(dst, " HopByHop=nil"...) // a layer of its own
}

// beginExtension appends the fields that extension headers have. unit is that of the length, beyond says how
// much longer a header is than that.
func (w *layerWriter) beginExtension(name string, unit, beyond int) {
	w.begin(name)
	w.protocol(" NextHeader=", 0)
	w.uint8(" HeaderLength=", 1)
	if w.has(1, 1) {
		w.dst = appendUint(w.dst, " ActualLength=", uint64((int(w.header[1])+beyond)*unit))
	}
}

func (w *layerWriter) extension(kind packet.LayerKind) {
	w.beginExtension([...]string{
		packet.LayerHopByHop:    "IPv6HopByHop",
		packet.LayerDestination: "IPv6Destination",
		packet.LayerMobility:    "IPv6Mobility",
		packet.LayerHIP:         "HIP",
		packet.LayerShim6:       "Shim6",
	}[kind], 8, 1)
	w.bytes(" Data=", 2, len(w.header))
}

func (w *layerWriter) routing() {
	w.beginExtension("IPv6Routing", 8, 1)
	w.uint8(" RoutingType=", 2)
	w.uint8(" SegmentsLeft=", 3)
	if !w.has(packet.ExtensionSize, 0) {
		return
	}
	if w.header[2] != packet.SegmentRouting {
		w.bytes(" Data=", 4, len(w.header))
		return
	}
	w.uint8(" LastEntry=", 4)
	w.uint8(" Flags=", 5)
	w.uint16(" Tag=", 6)
	n := min(int(w.header[4])+1, (len(w.header)-packet.ExtensionSize)/16)
	w.list(" Segments=", n, func(i int) {
		w.dst = netip.AddrFrom16([16]byte(w.header[packet.ExtensionSize+16*i:])).AppendTo(w.dst)
	})
}

func (w *layerWriter) fragment() {
	w.begin("IPv6Fragment")
	w.protocol(" NextHeader=", 0)
	w.uint8(" Reserved1=", 1)
	w.bits(" FragmentOffset=", 2, 2, packet.IPv6FragmentOffset)
	w.bits(" Reserved2=", 3, 1, 0x06)
	w.bool(" MoreFragments=", 3, packet.IPv6MoreFragments)
	w.uint32(" Identification=", 4)
}

func (w *layerWriter) ah() {
	w.beginExtension("IPSecAH", 4, 2)
	w.uint16(" Reserved=", 2)
	w.uint32(" SPI=", 4)
	w.uint32(" Seq=", 8)
	w.bytes(" AuthenticationData=", packet.AHSize, len(w.header))
}

func (w *layerWriter) esp() {
	// The layer of gopacket has no payload: all is encrypted.
	w.beginWith("IPSecESP", w.header[:len(w.header)+len(w.payload)], nil)
	w.uint32(" SPI=", 0)
	w.uint32(" Seq=", 4)
	if w.has(packet.ESPSize, 0) {
		w.dst = appendBytes(append(w.dst, " Encrypted="...), w.payload)
	}
}
