// SPDX-License-Identifier: Apache-2.0

package raw

import (
	"encoding/binary"
	"net/netip"
)

// Layer is a header that flows have something of.
type Layer uint8

const (
	LayerNone Layer = iota
	LayerEthernet
	LayerIPv4
	LayerIPv6
	LayerTCP
	LayerUDP
	LayerSCTP
	LayerICMPv4
	LayerICMPv6
	LayerVRRP
	LayerIGMP
	LayerVXLAN
	LayerGeneve
)

// State says how a packet ends.
type State uint8

const (
	Whole     State = iota
	Cut             // the capture ends within a header
	Malformed       // a header contradicts itself
)

// Headers are those of one packet. Of headers that are there more than once, as IP is with IP in IP, it is the last.
type Headers struct {
	// Last is the last header that is whole, LayerNone if none is.
	Last Layer

	// State is of the header behind it.
	State State

	// MACs are the destination and the source of the Ethernet header, nil without one. They share the packet's memory.
	MACs []byte

	// IP is LayerIPv4 or LayerIPv6; LayerNone without one. The addresses are of IPv4 if they are mapped to IPv6.
	IP       Layer
	Src, Dst netip.Addr

	// Transport is what IP carries: LayerTCP to LayerIGMP; LayerNone if there is nothing known of it. Header is what was
	// captured from there on: 4 bytes at least if it has ports, 2 if it is of ICMP, 3 of VRRP, 8 of IGMP. It shares the
	// packet's memory.
	Transport        Layer
	SrcPort, DstPort uint16 // of TCP, UDP and SCTP
	Header           []byte
}

// HasPorts tells whether SrcPort and DstPort are.
func (h *Headers) HasPorts() bool {
	return h.Transport == LayerTCP || h.Transport == LayerUDP || h.Transport == LayerSCTP
}

// tcpFlagsEnd is where the flags in a TCP header end.
const tcpFlagsEnd = 14

// TCPFlags returns the nine flags of a TCP header: FIN is the lowest bit, NS the highest. ok is false if they were not
// captured.
func (h *Headers) TCPFlags() (flags uint16, ok bool) {
	if h.Transport != LayerTCP || len(h.Header) < tcpFlagsEnd {
		return 0, false
	}
	return binary.BigEndian.Uint16(h.Header[12:]) & 0x1ff, true
}

// Packet has the headers of a packet, and of the one in it if the datapath says that it is the outer packet of a tunnel.
type Packet struct {
	// Headers are those of the packet itself, or if Tunnel is not LayerNone, those of the packet in it.
	Headers

	// Tunnel is LayerVXLAN or LayerGeneve with the number of its network and the packet around it.
	Tunnel Layer
	VNI    uint32
	Outer  Headers
}

// dissect sets p from what was captured of a packet that begins with a layer.
func (p *Packet) dissect(packet []byte, first Layer, vxlan, geneve bool) {
	p.Tunnel, p.VNI = LayerNone, 0
	p.Headers = Headers{}
	if len(packet) == 0 {
		return
	}
	w := walk{h: &p.Headers, rest: packet}
	w.run(first)
	tunnel := LayerNone
	switch {
	case vxlan:
		tunnel = LayerVXLAN
	case geneve:
		tunnel = LayerGeneve
	}
	if tunnel == LayerNone || p.Transport != LayerUDP || p.Last != LayerUDP || len(w.rest) == 0 {
		return
	}
	outer := p.Headers
	p.Headers = Headers{}
	w.nested = true
	w.run(tunnel)
	if !w.tunneled { // the header of the tunnel is not there
		outer.State = p.State
		p.Headers = outer
		return
	}
	p.Tunnel, p.VNI, p.Outer = tunnel, w.vni, outer
}
