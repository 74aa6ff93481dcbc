// SPDX-License-Identifier: Apache-2.0

package packet

import "net/netip"

// Connection is who talks to whom. What a packet does not have is zero.
type Connection struct {
	Src, Dst         netip.Addr // never IPv4-mapped
	SrcPort, DstPort uint16
	HasPorts         bool
	HasProtocol      bool
	Protocol         uint8 // IP protocol number of what is behind all extension headers
	TCPFlags         uint8 // as they are in the header: FIN is 1, CWR 0x80

	HasICMP      bool
	ICMPTypeCode uint16 // type and code, in this order

	FragmentOffset uint16 // in bytes; only the fragment at 0 has ports, flags, type and code
}

func (c *Connection) setProtocol(number uint8) { c.Protocol, c.HasProtocol = number, true }

// ICMPType returns the type of a message of ICMP.
func (c *Connection) ICMPType() uint8 { return uint8(c.ICMPTypeCode >> 8) }

// ICMPCode returns its code.
func (c *Connection) ICMPCode() uint8 { return uint8(c.ICMPTypeCode) }

// MACs returns the addresses of the link layer, false if h has none.
func (d *Dissection) MACs(h *Headers) (src, dst [6]byte, ok bool) {
	if h.MAC < 0 {
		return src, dst, false
	}
	header := d.Header(&d.Layers[h.MAC])
	return [6]byte(header[6:]), [6]byte(header), true
}

// AppendVLANs appends the identifiers of the VLANs that h is in, the outermost first.
func (d *Dissection) AppendVLANs(dst []uint16, h *Headers) []uint16 {
	for i := range d.LayersOf(h) {
		l := &d.Layers[h.First+i]
		if header := d.Header(l); l.Kind == LayerVLAN && len(header) >= 2 {
			dst = append(dst, be16(header)&0x0fff)
		}
	}
	return dst
}

// TTL returns how many hops the packet of h has left, false if that is not known.
func (d *Dissection) TTL(h *Headers) (hops uint8, ok bool) {
	for i := range d.LayersOf(h) {
		l := &d.Layers[h.First+i]
		switch header := d.Header(l); {
		case l.Kind == LayerIPv4 && len(header) > 8:
			return header[8], true
		case l.Kind == LayerIPv6 && len(header) > 7:
			return header[7], true
		}
	}
	return 0, false
}
