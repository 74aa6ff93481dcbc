// SPDX-License-Identifier: Apache-2.0

package format

import (
	"slices"

	"github.com/cilium/monitor/internal/packet"
)

// layerKinds has what is to know of each kind.
var layerKinds = [...]struct {
	// json is the name of the member of a summary in JSON, list that the member is an array, since
	// there can be several.
	json string
	list bool

	// summarized is how many bytes a summary shows something of: if less are captured, it says so.
	summarized int
}{
	packet.LayerEthernet:    {json: "ethernet", summarized: packet.EthernetSize},
	packet.LayerVLAN:        {json: "vlan", list: true, summarized: packet.VLANSize},
	packet.LayerLLC:         {json: "llc", summarized: packet.LLCSize},
	packet.LayerMPLS:        {json: "mpls", list: true, summarized: packet.MPLSSize},
	packet.LayerPPPoE:       {json: "pppoe", summarized: packet.PPPoESize},
	packet.LayerPPP:         {json: "ppp", summarized: packet.PPPSize},
	packet.LayerARP:         {json: "arp"},
	packet.LayerIPv4:        {json: "ipv4", summarized: 15 * 4},
	packet.LayerIPv6:        {json: "ipv6", summarized: packet.IPv6Size},
	packet.LayerHopByHop:    {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerRouting:     {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerFragment:    {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerDestination: {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerMobility:    {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerHIP:         {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerShim6:       {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerAH:          {json: "extensions", list: true, summarized: maxExtension},
	packet.LayerESP:         {json: "esp"},
	packet.LayerTCP:         {json: "tcp", summarized: packet.TCPFlagsOffset + 1},
	packet.LayerUDP:         {json: "udp", summarized: packet.PortsSize},
	packet.LayerUDPLite:     {json: "udplite", summarized: packet.PortsSize},
	packet.LayerSCTP:        {json: "sctp", summarized: packet.PortsSize},
	packet.LayerDCCP:        {json: "dccp", summarized: packet.PortsSize},
	packet.LayerICMPv4:      {json: "icmpv4", summarized: 2},
	packet.LayerICMPv6:      {json: "icmpv6", summarized: 2},
	packet.LayerIGMP:        {json: "igmp", summarized: packet.IGMPSize},
	packet.LayerVRRP:        {json: "vrrp", summarized: 3},
	packet.LayerGRE:         {json: "gre", summarized: maxExtension},
	packet.LayerERSPAN:      {json: "erspan", summarized: packet.ERSPAN3Size + packet.ERSPANSubheaderSize},
	packet.LayerEtherIP:     {json: "etherip", summarized: packet.EtherIPSize},
	packet.LayerVXLAN:       {json: "vxlan", summarized: packet.VXLANSize},
	packet.LayerGeneve:      {json: "geneve", summarized: packet.GeneveSize + 63*4},
	packet.LayerOther:       {json: "other"},
}

// maxExtension is more than the longest extension header.
const maxExtension = 4096

// any reports whether any layer of the packet was recognized.
func (d *dissection) any() bool { return len(d.Layers) > 0 }

// appendLayers appends a line for each layer, from the outermost in.
func (d *dissection) appendLayers(dst []byte) []byte {
	text := layerText{tab: "\t"}
	for i := range d.Layers {
		dst = append(d.appendLayer(dst, &d.Layers[i], text), '\n')
	}
	if d.Deeper {
		dst = append(dst, "more headers that are not dissected\n"...)
	}
	return dst
}

// appendJSONSummary appends the member "summary" if any layer of the packet was
// recognized, and "vlan" if it is in one.
func (d *dissection) appendJSONSummary(dst []byte) []byte {
	if !d.any() {
		return dst
	}
	dst = d.appendJSONVLANs(dst)
	return append(d.appendJSONCarried(appendObject(dst, "summary"), d.Headers[:d.Known]), '}')
}

// appendJSONVLANs appends the identifiers of the VLANs that the packet is in where it was seen, the outermost first.
func (d *dissection) appendJSONVLANs(dst []byte) []byte {
	var room [maxVLANs]uint16
	vlans := d.outerVLANs(room[:0])
	if len(vlans) == 0 {
		return dst
	}
	dst = append(appendKey(dst, "vlan"), '[')
	for i, id := range vlans {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendUint(dst, "", uint64(id))
	}
	return append(dst, ']')
}

// appendJSONCarried appends the members of what the tunnels around it are for, those as the member "tunnel", and what an
// ICMP error in it is about.
func (d *dissection) appendJSONCarried(dst []byte, all []packet.Headers) []byte {
	n := packet.Carried(all)
	dst = d.appendJSONHeaders(dst, &all[n-1])
	if n < len(all) {
		dst = append(d.appendJSONCarried(appendObject(dst, "about"), all[n:]), '}')
	}
	return d.appendJSONTunnels(dst, all[:n])
}

// appendJSONTunnels appends all but the last of the headers, as tunnels that carry it: the innermost
// as the member "tunnel", in which the next one is.
func (d *dissection) appendJSONTunnels(dst []byte, all []packet.Headers) []byte {
	for i := len(all) - 2; i >= 0; i-- {
		dst = d.appendJSONHeaders(appendObject(dst, "tunnel"), &all[i])
	}
	for range len(all) - 1 {
		dst = append(dst, '}')
	}
	return dst
}

// appendJSONHeaders appends what there is to say of one packet: its layers, source and destination of the link,
// network and transport layers, and what should have been a packet in it.
func (d *dissection) appendJSONHeaders(dst []byte, h *packet.Headers) []byte {
	dst = d.appendJSONFlows(d.appendJSONLayers(dst, h), h)
	if d.Known < len(d.Headers) && h == &d.Headers[d.Known-1] {
		dst = append(d.appendJSONLayers(appendObject(dst, "inner"), &d.Headers[d.Known]), '}')
	}
	return dst
}

// appendJSONLayers appends a member for each layer, or for all of a kind of which there can be several.
func (d *dissection) appendJSONLayers(dst []byte, h *packet.Headers) []byte {
	text := layerText{tab: `\t`}
	all := d.LayersOf(h)
	for i := range all {
		kind := &layerKinds[all[i].Kind]
		if !kind.list {
			dst = append(d.appendLayer(append(appendKey(dst, kind.json), '"'), &all[i], text), '"')
			continue
		}
		sameMember := func(l packet.Layer) bool { return layerKinds[l.Kind].json == kind.json }
		if slices.ContainsFunc(all[:i], sameMember) {
			continue
		}
		dst = append(appendKey(dst, kind.json), '[')
		for j := i; j < len(all); j++ {
			if !sameMember(all[j]) {
				continue
			}
			if j > i {
				dst = append(dst, ',')
			}
			dst = append(d.appendLayer(append(dst, '"'), &all[j], text), '"')
		}
		dst = append(dst, ']')
	}
	return dst
}

func (d *dissection) appendJSONFlows(dst []byte, h *packet.Headers) []byte {
	if h.MAC >= 0 {
		ethernet := d.Header(&d.Layers[h.MAC])
		dst = appendMAC(append(appendObject(dst, "l2"), `"src":"`...), ethernet[6:12])
		dst = appendMAC(append(dst, `","dst":"`...), ethernet[:6])
		dst = append(dst, `"}`...)
	}
	c := &h.Connection
	if c.Src.IsValid() {
		dst = c.Src.AppendTo(append(appendObject(dst, "l3"), `"src":"`...))
		dst = c.Dst.AppendTo(append(dst, `","dst":"`...))
		dst = append(dst, `"}`...)
	}
	if c.HasPorts {
		dst = appendUint(appendObject(dst, "l4"), `"src":"`, uint64(c.SrcPort))
		dst = appendUint(dst, `","dst":"`, uint64(c.DstPort))
		dst = append(dst, `"}`...)
	}
	return dst
}
