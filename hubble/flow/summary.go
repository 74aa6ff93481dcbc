// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"encoding/binary"
	"strings"
	"sync"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble/internal/raw"
)

// summary returns the name of the last header, and in a few words what it says; for one that is not whole, what there is of
// it, and a mark.
func summary(h *raw.Headers) string {
	layer := h.Last
	if h.State != raw.Whole && h.Transport != raw.LayerNone {
		layer = h.Transport
	}
	return layerSummary(layer, h) + stateMarks[h.State]
}

// stateMarks are those of headers that are not whole.
var stateMarks = [...]string{raw.Whole: "", raw.Cut: " [cut]", raw.Malformed: " [malformed]"}

func layerSummary(layer raw.Layer, h *raw.Headers) string {
	switch layer {
	case raw.LayerTCP:
		bits, _ := h.TCPFlags()
		return tcpSummaries()[bits]
	case raw.LayerICMPv4:
		return icmpSummary(binary.BigEndian.Uint16(h.Header), false)
	case raw.LayerICMPv6:
		return icmpSummary(binary.BigEndian.Uint16(h.Header), true)
	case raw.LayerVRRP:
		return "VRRP " + layers.VRRPv2Type(h.Header[0]&0xf).String()
	case raw.LayerIGMP:
		return "IGMP " + layers.IGMPType(h.Header[0]).String()
	default:
		return layerNames[layer]
	}
}

// layerNames has the names of the layers that have nothing to say.
var layerNames = [...]string{
	raw.LayerNone: "", raw.LayerEthernet: "Ethernet", raw.LayerIPv4: "IPv4", raw.LayerIPv6: "IPv6",
	raw.LayerUDP: "UDP", raw.LayerSCTP: "SCTP", raw.LayerVXLAN: "VXLAN", raw.LayerGeneve: "Geneve",
}

// tcpSummaries returns what is said of TCP for each combination of flags.
var tcpSummaries = sync.OnceValue(func() []string {
	summaries := make([]string, tcpNS<<1)
	// In the order in which they are said.
	flags := []struct {
		bit  int
		name string
	}{
		{tcpSYN, "SYN"}, {tcpACK, "ACK"}, {tcpRST, "RST"}, {tcpFIN, "FIN"}, {tcpPSH, "PSH"},
		{tcpURG, "URG"}, {tcpECE, "ECE"}, {tcpCWR, "CWR"}, {tcpNS, "NS"},
	}
	for bits := range summaries {
		var set []string
		for _, f := range flags {
			if bits&f.bit != 0 {
				set = append(set, f.name)
			}
		}
		summaries[bits] = "TCP Flags: " + strings.Join(set, ", ")
	}
	return summaries
})

// icmpKey is a type and a code of ICMP.
type icmpKey struct {
	typeCode uint16
	v6       bool
}

// icmpSummaries has what is said of ICMP. There are no more than 2 * 65536.
var icmpSummaries sync.Map // of icmpKey to string

func icmpSummary(typeCode uint16, v6 bool) string {
	key := icmpKey{typeCode, v6}
	if s, ok := icmpSummaries.Load(key); ok {
		return s.(string)
	}
	s := "ICMPv4 " + layers.ICMPv4TypeCode(typeCode).String()
	if v6 {
		s = "ICMPv6 " + layers.ICMPv6TypeCode(typeCode).String()
	}
	icmpSummaries.Store(key, s)
	return s
}

// withOwnReason puts the text of a drop reason before the summary if the API has no value for it, as for those of
// [api.RegisterDropReason].
func withOwnReason(n *api.DropNotify, summary string) string {
	if _, ok := flowpb.DropReason_name[int32(n.SubType)]; ok {
		return summary
	}
	if text := ownReason(n.SubType); text != "" {
		return text + ": " + summary
	}
	return summary
}

// ownReason returns the text of a drop reason, empty if it has none.
func ownReason(wanted uint8) string {
	for code, text := range api.DropReasons() {
		if code == wanted {
			return text
		}
	}
	return ""
}
