// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net/netip"
	"strconv"
)

func (w *layerWriter) ipv4() {
	w.begin("IPv4")
	w.uint(" Version=", 0, 1, 0xf0)
	w.uint(" IHL=", 0, 1, 0x0f)
	w.uint(" TOS=", 1, 1, allBits)
	w.uint(" Length=", 2, 2, allBits)
	w.uint(" Id=", 4, 2, allBits)
	if w.has(6, 1) {
		w.dst = append(w.dst, " Flags="...)
		sep := ""
		for _, f := range [...]struct {
			bit  byte
			name string
		}{{0x80, "Evil"}, {0x40, "DF"}, {0x20, "MF"}} {
			if w.header[6]&f.bit != 0 {
				w.dst = append(append(w.dst, sep...), f.name...)
				sep = "|"
			}
		}
	}
	w.uint(" FragOffset=", 6, 2, ipv4FragmentOffset)
	w.uint(" TTL=", 8, 1, allBits)
	w.protocol(" Protocol=", 9)
	w.uint(" Checksum=", 10, 2, allBits)
	w.ipv4Addr(" SrcIP=", 12)
	w.ipv4Addr(" DstIP=", 16)
	if w.has(ipv4Size, 0) && w.has(int(w.header[0]&0xf)*4, 0) {
		w.ipv4Options()
	}
}

func (w *layerWriter) ipv4Options() {
	options := w.header[ipv4Size:]
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
	w.uint(" Version=", 0, 1, 0xf0)
	w.uint(" TrafficClass=", 0, 2, 0x0ff0)
	w.uint(" FlowLabel=", 0, 4, 0x000fffff)
	w.uint(" Length=", 4, 2, allBits)
	w.protocol(" NextHeader=", 6)
	w.uint(" HopLimit=", 7, 1, allBits)
	w.ipv6Addr(" SrcIP=", 8)
	w.ipv6Addr(" DstIP=", 24)
	if w.has(ipv6Size, 0) {
		w.dst = append(w.dst, " HopByHop=nil"...) // a layer of its own
	}
}

// beginExtension appends the fields that extension headers have. unit is that of the length, beyond says how
// much longer a header is than that.
func (w *layerWriter) beginExtension(name string, unit, beyond int) {
	w.begin(name)
	w.protocol(" NextHeader=", 0)
	w.uint(" HeaderLength=", 1, 1, allBits)
	if w.has(1, 1) {
		w.dst = appendUint(w.dst, " ActualLength=", uint64((int(w.header[1])+beyond)*unit))
	}
}

func (w *layerWriter) extension(kind layerKind) {
	w.beginExtension([...]string{
		layerHopByHop:    "IPv6HopByHop",
		layerDestination: "IPv6Destination",
		layerMobility:    "IPv6Mobility",
		layerHIP:         "HIP",
		layerShim6:       "Shim6",
	}[kind], 8, 1)
	w.bytes(" Data=", 2, len(w.header))
}

func (w *layerWriter) routing() {
	w.beginExtension("IPv6Routing", 8, 1)
	w.uint(" RoutingType=", 2, 1, allBits)
	w.uint(" SegmentsLeft=", 3, 1, allBits)
	if !w.has(extensionSize, 0) {
		return
	}
	if w.header[2] != segmentRouting {
		w.bytes(" Data=", 4, len(w.header))
		return
	}
	w.uint(" LastEntry=", 4, 1, allBits)
	w.uint(" Flags=", 5, 1, allBits)
	w.uint(" Tag=", 6, 2, allBits)
	n := min(int(w.header[4])+1, (len(w.header)-extensionSize)/16)
	w.list(" Segments=", n, func(i int) {
		w.dst = netip.AddrFrom16([16]byte(w.header[extensionSize+16*i:])).AppendTo(w.dst)
	})
}

func (w *layerWriter) fragment() {
	w.begin("IPv6Fragment")
	w.protocol(" NextHeader=", 0)
	w.uint(" Reserved1=", 1, 1, allBits)
	w.uint(" FragmentOffset=", 2, 2, ipv6FragmentOffset)
	w.uint(" Reserved2=", 3, 1, 0x06)
	w.bool(" MoreFragments=", 3, ipv6MoreFragments)
	w.uint(" Identification=", 4, 4, allBits)
}

func (w *layerWriter) ah() {
	w.beginExtension("IPSecAH", 4, 2)
	w.uint(" Reserved=", 2, 2, allBits)
	w.uint(" SPI=", 4, 4, allBits)
	w.uint(" Seq=", 8, 4, allBits)
	w.bytes(" AuthenticationData=", ahSize, len(w.header))
}

func (w *layerWriter) esp() {
	// The layer of gopacket has no payload: all is encrypted.
	w.beginWith("IPSecESP", w.header[:len(w.header)+len(w.payload)], nil)
	w.uint(" SPI=", 0, 4, allBits)
	w.uint(" Seq=", 4, 4, allBits)
	if w.has(espSize, 0) {
		w.dst = appendBytes(append(w.dst, " Encrypted="...), w.payload)
	}
}
