// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"net/netip"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/hubble/internal/raw"
)

// packet sets the layers of a flow, and its summary.
func (d *Decoder) packet(b *block, t *text, p *raw.Packet) {
	f := &b.flow
	if p.MACs != nil {
		t.mac(&b.ethernet.Destination, p.MACs[:6])
		t.mac(&b.ethernet.Source, p.MACs[6:])
		f.Ethernet = &b.ethernet
	}
	f.IP = ip(&b.ip, t, &p.Headers)
	f.L4 = layer4(&b.l4, &p.Headers)
	f.Summary = summary(&p.Headers)
	if p.Tunnel == raw.LayerNone {
		return
	}
	outer := new(tunnelBlock)
	outer.tunnel.Vni = p.VNI
	outer.tunnel.Protocol = flowpb.Tunnel_VXLAN
	if p.Tunnel == raw.LayerGeneve {
		outer.tunnel.Protocol = flowpb.Tunnel_GENEVE
	}
	outer.tunnel.IP = ip(&outer.ip, t, &p.Outer)
	outer.tunnel.L4 = layer4(&outer.l4, &p.Outer)
	f.Tunnel = &outer.tunnel
}

// ip sets an IP header; it returns nil if there is none.
func ip(m *flowpb.IP, t *text, h *raw.Headers) *flowpb.IP {
	switch h.IP {
	case raw.LayerIPv4:
		m.IpVersion = flowpb.IPVersion_IPv4
	case raw.LayerIPv6:
		m.IpVersion = flowpb.IPVersion_IPv6
	default:
		return nil
	}
	t.addr(&m.Source, h.Src)
	t.addr(&m.Destination, h.Dst)
	return m
}

// Flags of TCP, as raw.Headers has them.
const (
	tcpFIN = 1 << iota
	tcpSYN
	tcpRST
	tcpPSH
	tcpACK
	tcpURG
	tcpECE
	tcpCWR
	tcpNS
)

// layer4 sets what IP carries; it returns nil if there is nothing known of it.
func layer4(m *flowpb.Layer4, h *raw.Headers) *flowpb.Layer4 {
	src, dst := uint32(h.SrcPort), uint32(h.DstPort)
	switch h.Transport {
	case raw.LayerTCP:
		b := new(tcpBlock)
		b.tcp.SourcePort, b.tcp.DestinationPort = src, dst
		if bits, ok := h.TCPFlags(); ok {
			setTCPFlags(&b.flags, bits)
			b.tcp.Flags = &b.flags
		}
		b.oneof.TCP = &b.tcp
		m.Protocol = &b.oneof
	case raw.LayerUDP:
		b := new(udpBlock)
		b.udp.SourcePort, b.udp.DestinationPort = src, dst
		b.oneof.UDP = &b.udp
		m.Protocol = &b.oneof
	case raw.LayerSCTP:
		m.Protocol = &flowpb.Layer4_SCTP{SCTP: &flowpb.SCTP{SourcePort: src, DestinationPort: dst, ChunkType: chunkType(h)}}
	case raw.LayerICMPv4:
		m.Protocol = &flowpb.Layer4_ICMPv4{ICMPv4: &flowpb.ICMPv4{Type: uint32(h.Header[0]), Code: uint32(h.Header[1])}}
	case raw.LayerICMPv6:
		m.Protocol = &flowpb.Layer4_ICMPv6{ICMPv6: &flowpb.ICMPv6{Type: uint32(h.Header[0]), Code: uint32(h.Header[1])}}
	case raw.LayerVRRP:
		m.Protocol = &flowpb.Layer4_VRRP{VRRP: &flowpb.VRRP{
			Type: uint32(h.Header[0] & 0xf), Vrid: uint32(h.Header[1]), Priority: uint32(h.Header[2]),
		}}
	case raw.LayerIGMP:
		group := netip.AddrFrom4([4]byte(h.Header[4:]))
		m.Protocol = &flowpb.Layer4_IGMP{IGMP: &flowpb.IGMP{Type: uint32(h.Header[0]), GroupAddress: group.String()}}
	default:
		return nil
	}
	return m
}

func setTCPFlags(m *flowpb.TCPFlags, bits uint16) {
	m.FIN, m.SYN, m.RST = bits&tcpFIN != 0, bits&tcpSYN != 0, bits&tcpRST != 0
	m.PSH, m.ACK, m.URG = bits&tcpPSH != 0, bits&tcpACK != 0, bits&tcpURG != 0
	m.ECE, m.CWR, m.NS = bits&tcpECE != 0, bits&tcpCWR != 0, bits&tcpNS != 0
}

// sctpSize is the size of the header of SCTP in bytes. Chunks follow.
const sctpSize = 12

// chunkType returns the type of the first chunk of SCTP; RFC 9260 has the numbers.
func chunkType(h *raw.Headers) flowpb.SCTPChunkType {
	if len(h.Header) <= sctpSize {
		return flowpb.SCTPChunkType_UNSUPPORTED
	}
	switch h.Header[sctpSize] {
	case 1:
		return flowpb.SCTPChunkType_INIT
	case 2:
		return flowpb.SCTPChunkType_INIT_ACK
	case 6:
		return flowpb.SCTPChunkType_ABORT
	case 7:
		return flowpb.SCTPChunkType_SHUTDOWN
	case 8:
		return flowpb.SCTPChunkType_SHUTDOWN_ACK
	case 14:
		return flowpb.SCTPChunkType_SHUTDOWN_COMPLETE
	default:
		return flowpb.SCTPChunkType_UNSUPPORTED
	}
}
