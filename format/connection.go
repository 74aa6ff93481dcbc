// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/binary"
	"net/netip"

	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/packet"
)

// dissection is a packet taken apart, to be printed.
type dissection struct {
	packet.Dissection

	icmpNames  map[uint32]string // see icmpName
	tcpOptions layers.TCP        // to decode options into
}

// tcpFlagNames has the flags of a TCP header. Connection summaries show the first
// tcpFlagsShown of them.
var tcpFlagNames = [...]struct {
	bit  uint8
	name string
}{
	{0x02, "SYN"}, {0x10, "ACK"}, {0x04, "RST"}, {0x01, "FIN"},
	{0x08, "PSH"}, {0x20, "URG"}, {0x40, "ECE"}, {0x80, "CWR"},
}

const tcpFlagsShown = 4

// maxVLANs is how many VLAN tags there can be in a packet that people have.
const maxVLANs = 4

// outerVLANs appends the identifiers of the VLANs that the packet is in where it was seen, not those of what a tunnel carries.
func (d *dissection) outerVLANs(dst []uint16) []uint16 {
	if !d.any() {
		return dst
	}
	return d.AppendVLANs(dst, &d.Headers[0])
}

// appendSummary appends who talks to whom, what an ICMP error is about, and the tunnels, from
// the innermost out.
func (d *dissection) appendSummary(dst []byte) []byte {
	if d.Known == 1 {
		return d.appendHeaders(dst, &d.Headers[0])
	}
	return d.appendCarried(dst, d.Headers[:d.Known])
}

func (d *dissection) appendCarried(dst []byte, all []packet.Headers) []byte {
	n := packet.Carried(all)
	dst = d.appendHeaders(dst, &all[n-1])
	if n < len(all) {
		dst = append(d.appendCarried(append(dst, " [about "...), all[n:]), ']')
	}
	return d.appendTunnels(dst, all[:n])
}

// appendTunnels appends all but the last of the headers, as tunnels that carry it.
func (d *dissection) appendTunnels(dst []byte, all []packet.Headers) []byte {
	for i := len(all) - 2; i >= 0; i-- {
		dst = append(dst, " [tunnel "...)
		dst = appendEndpoints(dst, &all[i].Connection)
		dst = append(dst, ' ')
		dst = append(dst, all[i].Tunnel.String()...)
		dst = append(dst, ']')
	}
	return dst
}

// appendHeaders appends who talks to whom by the headers of one packet.
func (d *dissection) appendHeaders(dst []byte, h *packet.Headers) []byte {
	c := &h.Connection
	switch {
	case c.Src.IsValid():
		dst = d.appendTransport(append(appendEndpoints(dst, c), ' '), h)
	case h.MAC >= 0:
		dst = d.appendMACs(dst, h)
	default:
		dst = append(dst, "[unknown]"...)
	}
	if c.FragmentOffset > 0 {
		dst = append(appendUint(dst, " [fragment at ", uint64(c.FragmentOffset)), ']')
	}
	return d.appendMark(dst, h)
}

// appendTransport appends the name of the protocol and what it says in a few words.
func (d *dissection) appendTransport(dst []byte, h *packet.Headers) []byte {
	c := &h.Connection
	dst = appendProtocolName(dst, c.Protocol)
	switch {
	case c.Protocol == packet.TCP:
		sep := " "
		for _, f := range tcpFlagNames[:tcpFlagsShown] {
			if c.TCPFlags&f.bit != 0 {
				dst = append(append(dst, sep...), f.name...)
				sep = ", "
			}
		}
	case c.HasICMP:
		dst = append(append(dst, ' '), d.icmpName(c.ICMPTypeCode, c.Protocol == packet.ICMPv6)...)
	case c.Protocol == packet.GRE:
		dst = d.appendGRESummary(dst, h)
	case c.Protocol == packet.VRRP:
		dst = d.appendVRRPSummary(dst, h)
	case c.Protocol == packet.IGMP:
		dst = d.appendIGMPSummary(dst, h)
	}
	return dst
}

// appendGRESummary appends the EtherType of what GRE carries and is not dissected.
func (d *dissection) appendGRESummary(dst []byte, h *packet.Headers) []byte {
	last := h.Last - 1
	if d.Layers[last].Kind == packet.LayerERSPAN {
		last--
	}
	header := d.Header(&d.Layers[last])
	if len(header) < packet.GRESize {
		return dst
	}
	return appendGREProtocol(append(dst, ' '), be16(header[2:]))
}

// appendMark says in a word if something is missing that would have been appended, by the last header, or, of the
// innermost packet, that of something in it which is none.
func (d *dissection) appendMark(dst []byte, h *packet.Headers) []byte {
	end := h.Last
	if h == &d.Headers[d.Known-1] {
		end = len(d.Layers)
	}
	if end == h.First {
		return dst
	}
	switch last := &d.Layers[end-1]; {
	case last.State == packet.Malformed:
		return append(dst, " [malformed]"...)
	case last.State == packet.Cut && !h.Quoted && int(last.End-last.Start) < layerKinds[last.Kind].summarized:
		return append(dst, " [cut]"...)
	default:
		return dst
	}
}

func (d *dissection) appendMACs(dst []byte, h *packet.Headers) []byte {
	ethernet := d.Header(&d.Layers[h.MAC])
	dst = appendMAC(dst, ethernet[6:12])
	dst = append(dst, " -> "...)
	dst = appendMAC(dst, ethernet[:6])
	dst = append(dst, ' ')
	switch last := &d.Layers[h.Last-1]; last.Kind {
	case packet.LayerLLC:
		return append(dst, llcName(d.Header(last))...)
	case packet.LayerPPP:
		dst = appendEtherType(dst, h.EtherType)
		if header := d.Header(last); len(header) == packet.PPPSize { // or it is cut, which is told
			dst = appendPPPProtocol(append(dst, ' '), header)
		}
		return dst
	default:
		return appendEtherType(dst, h.EtherType)
	}
}

// appendEndpoints appends "SRC:PORT -> DST:PORT", or "SRC -> DST" without ports.
func appendEndpoints(dst []byte, c *packet.Connection) []byte {
	dst = appendEndpointAddress(dst, c, c.Src, c.SrcPort)
	dst = append(dst, " -> "...)
	return appendEndpointAddress(dst, c, c.Dst, c.DstPort)
}

func appendEndpointAddress(dst []byte, c *packet.Connection, addr netip.Addr, port uint16) []byte {
	if c.HasPorts {
		return netip.AddrPortFrom(addr, port).AppendTo(dst)
	}
	return addr.AppendTo(dst)
}

// lastHeader returns what was captured of the last of the headers.
func (d *dissection) lastHeader(h *packet.Headers) []byte { return d.Header(&d.Layers[h.Last-1]) }

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
