// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"strconv"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// port appends a port with its name.
func (w *layerWriter) port(text string, off int, names func(port uint16) (string, bool)) {
	if !w.has(off, 2) {
		return
	}
	port := be16(w.header[off:])
	w.dst = appendUint(w.dst, text, uint64(port))
	if name, ok := names(port); ok {
		w.dst = append(append(append(w.dst, '('), name...), ')')
	}
}

func tcpPortName(port uint16) (string, bool)    { return layers.TCPPortNames(layers.TCPPort(port)) }
func udpPortName(port uint16) (string, bool)    { return layers.UDPPortNames(layers.UDPPort(port)) }
func sctpPortName(port uint16) (string, bool)   { return layers.SCTPPortNames(layers.SCTPPort(port)) }
func unnamedPort(uint16) (name string, ok bool) { return "", false }

// ports appends the ports that most headers begin with.
func (w *layerWriter) ports(names func(port uint16) (string, bool)) {
	w.port(" SrcPort=", 0, names)
	w.port(" DstPort=", 2, names)
}

func (w *layerWriter) tcp(options *layers.TCP) {
	w.begin("TCP")
	w.ports(tcpPortName)
	w.uint(" Seq=", 4, 4, allBits)
	w.uint(" Ack=", 8, 4, allBits)
	w.uint(" DataOffset=", 12, 1, 0xf0)
	w.bool(" FIN=", tcpFlagsOffset, 0x01)
	w.bool(" SYN=", tcpFlagsOffset, 0x02)
	w.bool(" RST=", tcpFlagsOffset, 0x04)
	w.bool(" PSH=", tcpFlagsOffset, 0x08)
	w.bool(" ACK=", tcpFlagsOffset, 0x10)
	w.bool(" URG=", tcpFlagsOffset, 0x20)
	w.bool(" ECE=", tcpFlagsOffset, 0x40)
	w.bool(" CWR=", tcpFlagsOffset, 0x80)
	if w.has(tcpFlagsOffset, 1) {
		w.bool(" NS=", 12, 0x01)
	}
	w.uint(" Window=", 14, 2, allBits)
	w.uint(" Checksum=", 16, 2, allBits)
	w.uint(" Urgent=", 18, 2, allBits)
	if !w.has(tcpSize, 0) || len(w.header) < int(w.header[12]>>4)*4 {
		return
	}
	options.Options, options.Padding, options.Multipath = options.Options[:0], nil, false
	if len(w.header) > tcpSize {
		_ = options.DecodeFromBytes(w.header, gopacket.NilDecodeFeedback) // can't fail: the header is whole
	}
	w.list(" Options=", len(options.Options), func(i int) { w.dst = appendTCPOption(w.dst, &options.Options[i]) })
	w.dst = appendBytes(append(w.dst, " Padding="...), options.Padding)
	w.dst = strconv.AppendBool(append(w.dst, " Multipath="...), options.Multipath)
}

func appendTCPOption(dst []byte, o *layers.TCPOption) []byte {
	dst = append(dst, "TCPOption("...)
	switch {
	case o.OptionType == layers.TCPOptionKindNop:
		dst = append(dst, "NOP:"...)
	case o.OptionType == layers.TCPOptionKindSACKPermitted:
		dst = append(dst, "SACKPermitted:"...)
	case o.OptionType == layers.TCPOptionKindWindowScale:
		dst = append(dst, "WindowScale:"...)
	case o.OptionType == layers.TCPOptionKindMSS && len(o.OptionData) >= 2:
		dst = appendUint(dst, "MSS:", uint64(binary.BigEndian.Uint16(o.OptionData)))
	case o.OptionType == layers.TCPOptionKindTimestamps && len(o.OptionData) == 8:
		dst = appendUint(dst, "Timestamps:", uint64(binary.BigEndian.Uint32(o.OptionData)))
		dst = appendUint(dst, "/", uint64(binary.BigEndian.Uint32(o.OptionData[4:])))
	default:
		return append(dst[:len(dst)-len("TCPOption(")], o.String()...)
	}
	if len(o.OptionData) > 0 {
		dst = append(dst, " 0x"...)
		for _, b := range o.OptionData {
			dst = appendHexByte(dst, b)
		}
	}
	return append(dst, ')')
}

func (w *layerWriter) udp() {
	w.begin("UDP")
	w.ports(udpPortName)
	w.uint(" Length=", 4, 2, allBits)
	w.uint(" Checksum=", 6, 2, allBits)
}

func (w *layerWriter) udpLite() {
	w.begin("UDPLite")
	w.ports(unnamedPort)
	w.uint(" ChecksumCoverage=", 4, 2, allBits)
	w.uint(" Checksum=", 6, 2, allBits)
}

func (w *layerWriter) sctp() {
	w.begin("SCTP")
	w.ports(sctpPortName)
	w.uint(" VerificationTag=", 4, 4, allBits)
	w.uint(" Checksum=", 8, 4, allBits)
}

func (w *layerWriter) dccp() {
	w.begin("DCCP")
	w.ports(unnamedPort)
	w.uint(" DataOffset=", 4, 1, allBits)
	w.uint(" CCVal=", 5, 1, 0xf0)
	w.uint(" ChecksumCoverage=", 5, 1, 0x0f)
	w.uint(" Checksum=", 6, 2, allBits)
	w.uint(" Type=", 8, 1, 0x1e)
	w.bool(" ExtendedSeq=", 8, 0x01)
}

func (w *layerWriter) icmpv4(d *dissection) {
	w.begin("ICMPv4")
	w.typeCode(d, false)
	w.uint(" Checksum=", 2, 2, allBits)
	w.uint(" Id=", 4, 2, allBits)
	w.uint(" Seq=", 6, 2, allBits)
}

func (w *layerWriter) icmpv6(d *dissection) {
	w.begin("ICMPv6")
	w.typeCode(d, true)
	w.uint(" Checksum=", 2, 2, allBits)
	if w.has(icmpv6Size, 0) {
		w.dst = append(w.dst, " TypeBytes=[]"...)
	}
}

func (w *layerWriter) typeCode(d *dissection, v6 bool) {
	if w.has(0, 2) {
		w.dst = append(append(w.dst, " TypeCode="...), d.icmpName(be16(w.header), v6)...)
	}
}
