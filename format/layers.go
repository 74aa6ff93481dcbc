// SPDX-License-Identifier: Apache-2.0

package format

// headerNames has the layers in the order in which they are printed, and their names in
// JSON; "" for one that JSON does not have.
var headerNames = [...]struct {
	header headerSet
	name   string
}{
	{hasEthernet, "ethernet"},
	{hasARP, ""},
	{hasIPv4, "ipv4"},
	{hasIPv6, "ipv6"},
	{hasTCP, "tcp"},
	{hasUDP, "udp"},
	{hasSCTP, "sctp"},
	{hasICMPv4, "icmpv4"},
	{hasICMPv6, "icmpv6"},
	{hasVRRP, "vrrp"},
	{hasIGMP, "igmp"},
}

// any reports whether any layer of the packet was recognized.
func (d *dissection) any() bool {
	return d.tunnel != tunnelNone || d.inner.set != 0
}

// appendLayers appends a line for each layer, from the outermost in.
func (d *dissection) appendLayers(dst []byte) []byte {
	text := layerText{tab: "\t"}
	switch d.tunnel {
	case tunnelNone:
	case tunnelVXLAN:
		dst = append(text.vxlan(d.outer.appendLayers(dst, text), &d.vxlan), '\n')
	case tunnelGeneve:
		dst = append(text.other(d.outer.appendLayers(dst, text), &d.geneve), '\n')
	}
	return d.inner.appendLayers(dst, text)
}

func (h *headers) appendLayers(dst []byte, text layerText) []byte {
	for _, n := range headerNames {
		if h.has(n.header) {
			dst = append(h.appendLayer(dst, n.header, text), '\n')
		}
	}
	return dst
}

// appendLayer appends the text of one layer.
func (h *headers) appendLayer(dst []byte, header headerSet, text layerText) []byte {
	switch header {
	case hasEthernet:
		return text.ethernet(dst, &h.ethernet)
	case hasARP:
		return text.other(dst, &h.arp)
	case hasIPv4:
		return text.ipv4(dst, &h.ipv4)
	case hasIPv6:
		return text.ipv6(dst, &h.ipv6)
	case hasTCP:
		return text.tcp(dst, &h.tcp)
	case hasUDP:
		return text.udp(dst, &h.udp)
	case hasSCTP:
		return text.other(dst, &h.sctp)
	case hasICMPv4:
		return text.icmpv4(dst, &h.icmpv4, h.icmpName(uint16(h.icmpv4.TypeCode), false))
	case hasICMPv6:
		return text.icmpv6(dst, &h.icmpv6, h.icmpName(uint16(h.icmpv6.TypeCode), true))
	case hasVRRP:
		return text.other(dst, &h.vrrp)
	default: // hasIGMP
		return text.other(dst, h.igmp.layer())
	}
}

// appendJSONSummary appends the member "summary" if any layer of the packet was
// recognized.
func (d *dissection) appendJSONSummary(dst []byte) []byte {
	if !d.any() {
		return dst
	}
	text := layerText{tab: `\t`}
	dst = d.inner.appendJSONLayers(appendObject(dst, "summary"), text)
	dst = d.inner.appendJSONFlows(dst)
	if d.tunnel != tunnelNone {
		dst = d.outer.appendJSONLayers(appendObject(dst, "tunnel"), text)
		dst = append(appendKey(dst, d.tunnel.String()), '"')
		if d.tunnel == tunnelVXLAN {
			dst = text.vxlan(dst, &d.vxlan)
		} else {
			dst = text.other(dst, &d.geneve)
		}
		dst = d.outer.appendJSONFlows(append(dst, '"'))
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func (h *headers) appendJSONLayers(dst []byte, text layerText) []byte {
	for _, n := range headerNames {
		if n.name != "" && h.has(n.header) {
			dst = append(appendKey(dst, n.name), '"')
			dst = append(h.appendLayer(dst, n.header, text), '"')
		}
	}
	return dst
}

// appendJSONFlows appends source and destination of the link, network and transport
// layers.
func (h *headers) appendJSONFlows(dst []byte) []byte {
	if h.has(hasEthernet) {
		dst = appendMAC(append(appendObject(dst, "l2"), `"src":"`...), h.ethernet.SrcMAC)
		dst = appendMAC(append(dst, `","dst":"`...), h.ethernet.DstMAC)
		dst = append(dst, `"}`...)
	}
	if h.has(hasIPv4 | hasIPv6) {
		dst = h.conn.src.AppendTo(append(appendObject(dst, "l3"), `"src":"`...))
		dst = h.conn.dst.AppendTo(append(dst, `","dst":"`...))
		dst = append(dst, `"}`...)
	}
	if h.conn.hasPorts {
		dst = appendUint(appendObject(dst, "l4"), `"src":"`, uint64(h.conn.srcPort))
		dst = appendUint(dst, `","dst":"`, uint64(h.conn.dstPort))
		dst = append(dst, `"}`...)
	}
	return dst
}
