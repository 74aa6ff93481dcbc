// SPDX-License-Identifier: Apache-2.0

package format

import "slices"

// layerKind is the kind of a header.
type layerKind uint8

const (
	layerNone layerKind = iota
	layerEthernet
	layerVLAN
	layerLLC
	layerMPLS
	layerPPPoE
	layerPPP
	layerARP
	layerIPv4
	layerIPv6
	layerHopByHop
	layerRouting
	layerFragment
	layerDestination
	layerMobility
	layerHIP
	layerShim6
	layerAH
	layerESP
	layerTCP
	layerUDP
	layerUDPLite
	layerSCTP
	layerDCCP
	layerICMPv4
	layerICMPv6
	layerIGMP
	layerVRRP
	layerGRE
	layerERSPAN
	layerEtherIP
	layerVXLAN
	layerGeneve
	layerOther // something carried by IP that only has a name
)

// layerKinds has what is to know of each kind.
var layerKinds = [...]struct {
	// json is the name of the member of a summary in JSON, list that the member is an array, since
	// there can be several.
	json string
	list bool

	// carried says that IP carries the layer.
	carried bool

	// summarized is how many bytes a summary shows something of: if less are captured, it says so.
	summarized int
}{
	layerEthernet:    {json: "ethernet", summarized: ethernetSize},
	layerVLAN:        {json: "vlan", list: true, summarized: vlanSize},
	layerLLC:         {json: "llc", summarized: llcSize},
	layerMPLS:        {json: "mpls", list: true, summarized: mplsSize},
	layerPPPoE:       {json: "pppoe", summarized: pppoeSize},
	layerPPP:         {json: "ppp", summarized: pppSize},
	layerARP:         {json: "arp"},
	layerIPv4:        {json: "ipv4", summarized: 15 * 4},
	layerIPv6:        {json: "ipv6", summarized: ipv6Size},
	layerHopByHop:    {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerRouting:     {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerFragment:    {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerDestination: {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerMobility:    {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerHIP:         {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerShim6:       {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerAH:          {json: "extensions", list: true, carried: true, summarized: maxExtension},
	layerESP:         {json: "esp", carried: true},
	layerTCP:         {json: "tcp", carried: true, summarized: tcpFlagsOffset + 1},
	layerUDP:         {json: "udp", carried: true, summarized: portsSize},
	layerUDPLite:     {json: "udplite", carried: true, summarized: portsSize},
	layerSCTP:        {json: "sctp", carried: true, summarized: portsSize},
	layerDCCP:        {json: "dccp", carried: true, summarized: portsSize},
	layerICMPv4:      {json: "icmpv4", carried: true, summarized: 2},
	layerICMPv6:      {json: "icmpv6", carried: true, summarized: 2},
	layerIGMP:        {json: "igmp", carried: true, summarized: igmpSize},
	layerVRRP:        {json: "vrrp", carried: true, summarized: 3},
	layerGRE:         {json: "gre", carried: true, summarized: maxExtension},
	layerERSPAN:      {json: "erspan", summarized: erspan3Size + erspanSubheaderSize},
	layerEtherIP:     {json: "etherip", carried: true, summarized: etherIPSize},
	layerVXLAN:       {json: "vxlan", summarized: vxlanSize},
	layerGeneve:      {json: "geneve", summarized: geneveSize + 63*4},
	layerOther:       {json: "other", carried: true},
}

// maxExtension is more than the longest extension header.
const maxExtension = 4096

// any reports whether any layer of the packet was recognized.
func (d *dissection) any() bool { return len(d.layers) > 0 }

// appendLayers appends a line for each layer, from the outermost in.
func (d *dissection) appendLayers(dst []byte) []byte {
	text := layerText{tab: "\t"}
	for i := range d.layers {
		dst = append(d.appendLayer(dst, &d.layers[i], text), '\n')
	}
	if d.deeper {
		dst = append(dst, "more headers that are not dissected\n"...)
	}
	return dst
}

// appendJSONSummary appends the member "summary" if any layer of the packet was
// recognized.
func (d *dissection) appendJSONSummary(dst []byte) []byte {
	if !d.any() {
		return dst
	}
	return append(d.appendJSONCarried(appendObject(dst, "summary"), d.headers[:d.known]), '}')
}

// appendJSONCarried appends the members of what the tunnels around it are for, those as the member "tunnel", and what an
// ICMP error in it is about.
func (d *dissection) appendJSONCarried(dst []byte, all []headers) []byte {
	n := carried(all)
	dst = d.appendJSONHeaders(dst, &all[n-1])
	if n < len(all) {
		dst = append(d.appendJSONCarried(appendObject(dst, "about"), all[n:]), '}')
	}
	return d.appendJSONTunnels(dst, all[:n])
}

// appendJSONTunnels appends all but the last of the headers, as tunnels that carry it: the innermost
// as the member "tunnel", in which the next one is.
func (d *dissection) appendJSONTunnels(dst []byte, all []headers) []byte {
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
func (d *dissection) appendJSONHeaders(dst []byte, h *headers) []byte {
	dst = d.appendJSONFlows(d.appendJSONLayers(dst, h), h)
	if d.known < len(d.headers) && h == &d.headers[d.known-1] {
		dst = append(d.appendJSONLayers(appendObject(dst, "inner"), &d.headers[d.known]), '}')
	}
	return dst
}

// appendJSONLayers appends a member for each layer, or for all of a kind of which there can be several.
func (d *dissection) appendJSONLayers(dst []byte, h *headers) []byte {
	text := layerText{tab: `\t`}
	all := d.layersOf(h)
	for i := range all {
		kind := &layerKinds[all[i].kind]
		if !kind.list {
			dst = append(d.appendLayer(append(appendKey(dst, kind.json), '"'), &all[i], text), '"')
			continue
		}
		sameMember := func(l layer) bool { return layerKinds[l.kind].json == kind.json }
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

func (d *dissection) appendJSONFlows(dst []byte, h *headers) []byte {
	if h.mac >= 0 {
		ethernet := d.header(&d.layers[h.mac])
		dst = appendMAC(append(appendObject(dst, "l2"), `"src":"`...), ethernet[6:12])
		dst = appendMAC(append(dst, `","dst":"`...), ethernet[:6])
		dst = append(dst, `"}`...)
	}
	c := &h.conn
	if c.src.IsValid() {
		dst = c.src.AppendTo(append(appendObject(dst, "l3"), `"src":"`...))
		dst = c.dst.AppendTo(append(dst, `","dst":"`...))
		dst = append(dst, `"}`...)
	}
	if c.hasPorts {
		dst = appendUint(appendObject(dst, "l4"), `"src":"`, uint64(c.srcPort))
		dst = appendUint(dst, `","dst":"`, uint64(c.dstPort))
		dst = append(dst, `"}`...)
	}
	return dst
}
