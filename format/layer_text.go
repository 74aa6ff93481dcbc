// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/inert"
)

// The text of a layer is that of gopacket.LayerString, which scripts parse out of the
// JSON output. That uses reflection and allocates a hundred times for a packet; here the
// layers of everyday packets are written directly, the others are left to it.

// layerText writes the text of layers.
type layerText struct {
	// tab is between the name of a layer and its fields: a tab, in JSON its escape.
	tab string
}

// begin appends the name of a layer and the two fields that all have.
func (t layerText) begin(dst []byte, name string, base *layers.BaseLayer) []byte {
	dst = append(dst, name...)
	dst = append(dst, t.tab...)
	dst = append(dst, "{Contents="...)
	dst = appendBytes(dst, base.Contents)
	dst = append(dst, " Payload="...)
	return appendBytes(dst, base.Payload)
}

func (t layerText) ethernet(dst []byte, l *layers.Ethernet) []byte {
	dst = t.begin(dst, "Ethernet", &l.BaseLayer)
	dst = appendMAC(append(dst, " SrcMAC="...), l.SrcMAC)
	dst = appendMAC(append(dst, " DstMAC="...), l.DstMAC)
	dst = append(append(dst, " EthernetType="...), l.EthernetType.String()...)
	dst = appendUint(dst, " Length=", uint64(l.Length))
	return append(dst, '}')
}

func (t layerText) ipv4(dst []byte, l *layers.IPv4) []byte {
	dst = t.begin(dst, "IPv4", &l.BaseLayer)
	dst = appendUint(dst, " Version=", uint64(l.Version))
	dst = appendUint(dst, " IHL=", uint64(l.IHL))
	dst = appendUint(dst, " TOS=", uint64(l.TOS))
	dst = appendUint(dst, " Length=", uint64(l.Length))
	dst = appendUint(dst, " Id=", uint64(l.Id))
	dst = append(dst, " Flags="...)
	sep := ""
	for _, f := range [...]struct {
		bit  layers.IPv4Flag
		name string
	}{{layers.IPv4EvilBit, "Evil"}, {layers.IPv4DontFragment, "DF"}, {layers.IPv4MoreFragments, "MF"}} {
		if l.Flags&f.bit != 0 {
			dst = append(append(dst, sep...), f.name...)
			sep = "|"
		}
	}
	dst = appendUint(dst, " FragOffset=", uint64(l.FragOffset))
	dst = appendUint(dst, " TTL=", uint64(l.TTL))
	dst = append(append(dst, " Protocol="...), l.Protocol.String()...)
	dst = appendUint(dst, " Checksum=", uint64(l.Checksum))
	dst = appendIP(append(dst, " SrcIP="...), l.SrcIP)
	dst = appendIP(append(dst, " DstIP="...), l.DstIP)
	dst = append(dst, " Options=["...)
	if n := len(l.Options); n > maxListed {
		dst = appendElided(dst, n)
	} else {
		for i := range l.Options {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(dst, l.Options[i].String()...)
		}
	}
	dst = append(dst, "] Padding="...)
	dst = appendBytes(dst, l.Padding)
	return append(dst, '}')
}

func (t layerText) ipv6(dst []byte, l *layers.IPv6) []byte {
	if l.HopByHop != nil {
		return t.other(dst, l)
	}
	dst = t.begin(dst, "IPv6", &l.BaseLayer)
	dst = appendUint(dst, " Version=", uint64(l.Version))
	dst = appendUint(dst, " TrafficClass=", uint64(l.TrafficClass))
	dst = appendUint(dst, " FlowLabel=", uint64(l.FlowLabel))
	dst = appendUint(dst, " Length=", uint64(l.Length))
	dst = append(append(dst, " NextHeader="...), l.NextHeader.String()...)
	dst = appendUint(dst, " HopLimit=", uint64(l.HopLimit))
	dst = appendIP(append(dst, " SrcIP="...), l.SrcIP)
	dst = appendIP(append(dst, " DstIP="...), l.DstIP)
	return append(dst, " HopByHop=nil}"...)
}

func (t layerText) tcp(dst []byte, l *layers.TCP) []byte {
	dst = t.begin(dst, "TCP", &l.BaseLayer)
	name, ok := layers.TCPPortNames(l.SrcPort)
	dst = appendPort(append(dst, " SrcPort="...), uint16(l.SrcPort), name, ok)
	name, ok = layers.TCPPortNames(l.DstPort)
	dst = appendPort(append(dst, " DstPort="...), uint16(l.DstPort), name, ok)
	dst = appendUint(dst, " Seq=", uint64(l.Seq))
	dst = appendUint(dst, " Ack=", uint64(l.Ack))
	dst = appendUint(dst, " DataOffset=", uint64(l.DataOffset))
	dst = strconv.AppendBool(append(dst, " FIN="...), l.FIN)
	dst = strconv.AppendBool(append(dst, " SYN="...), l.SYN)
	dst = strconv.AppendBool(append(dst, " RST="...), l.RST)
	dst = strconv.AppendBool(append(dst, " PSH="...), l.PSH)
	dst = strconv.AppendBool(append(dst, " ACK="...), l.ACK)
	dst = strconv.AppendBool(append(dst, " URG="...), l.URG)
	dst = strconv.AppendBool(append(dst, " ECE="...), l.ECE)
	dst = strconv.AppendBool(append(dst, " CWR="...), l.CWR)
	dst = strconv.AppendBool(append(dst, " NS="...), l.NS)
	dst = appendUint(dst, " Window=", uint64(l.Window))
	dst = appendUint(dst, " Checksum=", uint64(l.Checksum))
	dst = appendUint(dst, " Urgent=", uint64(l.Urgent))
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
	dst = append(dst, "] Padding="...)
	dst = appendBytes(dst, l.Padding)
	dst = strconv.AppendBool(append(dst, " Multipath="...), l.Multipath)
	return append(dst, '}')
}

func (t layerText) udp(dst []byte, l *layers.UDP) []byte {
	dst = t.begin(dst, "UDP", &l.BaseLayer)
	name, ok := layers.UDPPortNames(l.SrcPort)
	dst = appendPort(append(dst, " SrcPort="...), uint16(l.SrcPort), name, ok)
	name, ok = layers.UDPPortNames(l.DstPort)
	dst = appendPort(append(dst, " DstPort="...), uint16(l.DstPort), name, ok)
	dst = appendUint(dst, " Length=", uint64(l.Length))
	dst = appendUint(dst, " Checksum=", uint64(l.Checksum))
	return append(dst, '}')
}

func (t layerText) icmpv4(dst []byte, l *layers.ICMPv4, typeCode string) []byte {
	dst = t.begin(dst, "ICMPv4", &l.BaseLayer)
	dst = append(append(dst, " TypeCode="...), typeCode...)
	dst = appendUint(dst, " Checksum=", uint64(l.Checksum))
	dst = appendUint(dst, " Id=", uint64(l.Id))
	dst = appendUint(dst, " Seq=", uint64(l.Seq))
	return append(dst, '}')
}

func (t layerText) icmpv6(dst []byte, l *layers.ICMPv6, typeCode string) []byte {
	dst = t.begin(dst, "ICMPv6", &l.BaseLayer)
	dst = append(append(dst, " TypeCode="...), typeCode...)
	dst = appendUint(dst, " Checksum=", uint64(l.Checksum))
	return append(dst, " TypeBytes=[]}"...)
}

func (t layerText) vxlan(dst []byte, l *layers.VXLAN) []byte {
	dst = t.begin(dst, "VXLAN", &l.BaseLayer)
	dst = strconv.AppendBool(append(dst, " ValidIDFlag="...), l.ValidIDFlag)
	dst = appendUint(dst, " VNI=", uint64(l.VNI))
	dst = strconv.AppendBool(append(dst, " GBPExtension="...), l.GBPExtension)
	dst = strconv.AppendBool(append(dst, " GBPDontLearn="...), l.GBPDontLearn)
	dst = strconv.AppendBool(append(dst, " GBPApplied="...), l.GBPApplied)
	dst = appendUint(dst, " GBPGroupPolicyID=", uint64(l.GBPGroupPolicyID))
	return append(dst, '}')
}

// other leaves the text of a layer to gopacket.
func (t layerText) other(dst []byte, l gopacket.Layer) []byte {
	name, fields, _ := strings.Cut(gopacket.LayerString(l), "\t")
	dst = append(append(dst, name...), t.tab...)
	if t.tab == "\t" {
		return inert.Append(dst, fields)
	}
	return inert.AppendJSON(dst, fields)
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

func appendPort(dst []byte, port uint16, name string, named bool) []byte {
	dst = strconv.AppendUint(dst, uint64(port), 10)
	if named {
		dst = append(append(append(dst, '('), name...), ')')
	}
	return dst
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

func appendIP(dst []byte, ip net.IP) []byte {
	addr, _ := netip.AddrFromSlice(ip)
	return addr.Unmap().AppendTo(dst)
}

func appendMAC(dst []byte, mac net.HardwareAddr) []byte {
	for i, b := range mac {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = appendHexByte(dst, b)
	}
	return dst
}
