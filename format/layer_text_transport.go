// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"strconv"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/packet"
)

// appendPorts appends the ports that most headers begin with, each with the name that names has for it.
func appendPorts(dst, h []byte, names func(port uint16) (string, bool)) []byte {
	if len(h) < 2 {
		return dst
	}
	dst = appendPort(append(dst, " SrcPort="...), be16(h), names)
	if len(h) < packet.PortsSize {
		return dst
	}
	return appendPort(append(dst, " DstPort="...), be16(h[2:]), names)
}

func appendPort(dst []byte, port uint16, names func(port uint16) (string, bool)) []byte {
	dst = strconv.AppendUint(dst, uint64(port), 10)
	if name, ok := names(port); ok {
		dst = append(append(append(dst, '('), name...), ')')
	}
	return dst
}

func tcpPortName(port uint16) (string, bool)    { return layers.TCPPortNames(layers.TCPPort(port)) }
func udpPortName(port uint16) (string, bool)    { return layers.UDPPortNames(layers.UDPPort(port)) }
func sctpPortName(port uint16) (string, bool)   { return layers.SCTPPortNames(layers.SCTPPort(port)) }
func unnamedPort(uint16) (name string, ok bool) { return "", false }

func (w *layerWriter) tcp(options *layers.TCP) {
	w.begin("TCP")
	w.dst = appendTCPFields(appendPorts(w.dst, w.header, tcpPortName), w.header)
	switch n := len(w.header); {
	case n < packet.TCPSize || n < int(w.header[12]>>4)*4:
	case n == packet.TCPSize:
		w.dst = append(w.dst, " Options=[] Padding=[] Multipath=false"...)
	default:
		_ = options.DecodeFromBytes(w.header, gopacket.NilDecodeFeedback) // can't fail: the header is whole
		w.dst = appendTCPOptions(w.dst, options)
	}
}

// appendTCPFields appends the fields of what there is of a header, without ports and options.
func appendTCPFields(dst, h []byte) []byte {
	if len(h) < 8 {
		return dst
	}
	dst = appendUint(dst, " Seq=", uint64(be32(h[4:])))
	if len(h) < 12 {
		return dst
	}
	dst = appendUint(dst, " Ack=", uint64(be32(h[8:])))
	if len(h) < 13 {
		return dst
	}
	dst = appendUint(dst, " DataOffset=", uint64(h[12]>>4))
	if len(h) <= packet.TCPFlagsOffset {
		return dst
	}
	flags := h[packet.TCPFlagsOffset]
	dst = strconv.AppendBool(append(dst, " FIN="...), flags&0x01 != 0)
	dst = strconv.AppendBool(append(dst, " SYN="...), flags&0x02 != 0)
	dst = strconv.AppendBool(append(dst, " RST="...), flags&0x04 != 0)
	dst = strconv.AppendBool(append(dst, " PSH="...), flags&0x08 != 0)
	dst = strconv.AppendBool(append(dst, " ACK="...), flags&0x10 != 0)
	dst = strconv.AppendBool(append(dst, " URG="...), flags&0x20 != 0)
	dst = strconv.AppendBool(append(dst, " ECE="...), flags&0x40 != 0)
	dst = strconv.AppendBool(append(dst, " CWR="...), flags&0x80 != 0)
	dst = strconv.AppendBool(append(dst, " NS="...), h[12]&0x01 != 0)
	if len(h) < 16 {
		return dst
	}
	dst = appendUint(dst, " Window=", uint64(be16(h[14:])))
	if len(h) < 18 {
		return dst
	}
	dst = appendUint(dst, " Checksum=", uint64(be16(h[16:])))
	if len(h) < 20 {
		return dst
	}
	return appendUint(dst, " Urgent=", uint64(be16(h[18:])))
}

func appendTCPOptions(dst []byte, l *layers.TCP) []byte {
	dst = append(dst, " Options=["...)
	if n := len(l.Options); n > maxListed {
		dst = appendElided(dst, n)
	} else {
		for i := range l.Options {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendTCPOption(dst, &l.Options[i])
		}
	}
	dst = appendBytes(append(dst, "] Padding="...), l.Padding)
	return strconv.AppendBool(append(dst, " Multipath="...), l.Multipath)
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
	w.dst = appendPorts(w.dst, w.header, udpPortName)
	w.uint16(" Length=", 4)
	w.uint16(" Checksum=", 6)
}

func (w *layerWriter) udpLite() {
	w.begin("UDPLite")
	w.dst = appendPorts(w.dst, w.header, unnamedPort)
	w.uint16(" ChecksumCoverage=", 4)
	w.uint16(" Checksum=", 6)
}

func (w *layerWriter) sctp() {
	w.begin("SCTP")
	w.dst = appendPorts(w.dst, w.header, sctpPortName)
	w.uint32(" VerificationTag=", 4)
	w.uint32(" Checksum=", 8)
}

func (w *layerWriter) dccp() {
	w.begin("DCCP")
	w.dst = appendPorts(w.dst, w.header, unnamedPort)
	w.uint8(" DataOffset=", 4)
	w.bits(" CCVal=", 5, 1, 0xf0)
	w.bits(" ChecksumCoverage=", 5, 1, 0x0f)
	w.uint16(" Checksum=", 6)
	w.bits(" Type=", 8, 1, 0x1e)
	w.bool(" ExtendedSeq=", 8, 0x01)
}

func (w *layerWriter) icmpv4(d *dissection) {
	w.begin("ICMPv4")
	w.typeCode(d, false)
	w.uint16(" Checksum=", 2)
	w.uint16(" Id=", 4)
	w.uint16(" Seq=", 6)
}

func (w *layerWriter) icmpv6(d *dissection) {
	w.begin("ICMPv6")
	w.typeCode(d, true)
	w.uint16(" Checksum=", 2)
	if w.has(packet.ICMPv6Size, 0) {
		w.dst = append(w.dst, " TypeBytes=[]"...)
	}
}

func (w *layerWriter) typeCode(d *dissection, v6 bool) {
	if w.has(0, 2) {
		w.dst = append(append(w.dst, " TypeCode="...), d.icmpName(be16(w.header), v6)...)
	}
}
