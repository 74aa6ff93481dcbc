// SPDX-License-Identifier: Apache-2.0

package packet

// Scope says of which headers something is asked: of each packet in a packet, what tunnels are made of, what they
// carry, and what an ICMP error is about.
type Scope uint8

const (
	Anywhere Scope = iota
	Outer          // headers that carry another packet in a tunnel
	Inner          // the others
)

// Has reports whether s has the headers of one packet.
func (s Scope) Has(h *Headers) bool {
	return s == Anywhere || (s == Outer) == (h.Tunnel != TunnelNone)
}

// HasPort reports whether a port from first to last is source or destination, as far as these are asked for, of a
// packet that s has.
func (d *Dissection) HasPort(s Scope, first, last uint16, src, dst bool) bool {
	for i := range d.Headers {
		h := &d.Headers[i]
		if h.HasPorts && s.Has(h) &&
			(src && first <= h.SrcPort && h.SrcPort <= last || dst && first <= h.DstPort && h.DstPort <= last) {
			return true
		}
	}
	return false
}

// HasProtocol reports whether a packet that s has is of an IP protocol. The extension headers of IPv6 are protocols, too.
func (d *Dissection) HasProtocol(s Scope, number uint8) bool {
	for i := range d.Headers {
		if h := &d.Headers[i]; h.HasProtocol && h.Protocol == number && s.Has(h) {
			return true
		}
	}
	for i := range d.Layers {
		if l := &d.Layers[i]; l.Protocol == int16(number) && s.Has(&d.Headers[l.In]) {
			return true
		}
	}
	return false
}
