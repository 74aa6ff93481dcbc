// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/gopacket/gopacket/layers"

	"github.com/cilium/monitor/internal/packet"
)

type protocolName struct {
	name   string
	number uint8
}

// protocols has the IP protocols that have a name in filters and messages.
var protocols = [...]protocolName{
	{"tcp", packet.TCP},
	{"udp", packet.UDP},
	{"sctp", packet.SCTP},
	{"icmp", packet.ICMPv4}, // and ICMPv6, where a filter asks for it
	{"icmpv4", packet.ICMPv4},
	{"icmpv6", packet.ICMPv6},
	{"igmp", packet.IGMP},
	{"vrrp", packet.VRRP},
	{"gre", packet.GRE},
	{"esp", uint8(layers.IPProtocolESP)},
	{"ah", uint8(layers.IPProtocolAH)},
	{"ospf", uint8(layers.IPProtocolOSPF)}, // which IANA calls ospfigp
}

// ianaProtocols has the keywords of IANA's "protocol-numbers", in lower case; for the few numbers without
// one, some words of the description. "" is not assigned.
var ianaProtocols = [256]string{
	0: "hopopt", "icmp", "igmp", "ggp", "ipv4", "st", "tcp", "cbt", "egp", "igp",
	10: "bbn-rcc-mon", "nvp-ii", "pup", "argus", "emcon", "xnet", "chaos", "udp", "mux", "dcn-meas",
	20: "hmp", "prm", "xns-idp", "trunk-1", "trunk-2", "leaf-1", "leaf-2", "rdp", "irtp", "iso-tp4",
	30: "netblt", "mfe-nsp", "merit-inp", "dccp", "3pc", "idpr", "xtp", "ddp", "idpr-cmtp", "tp++",
	40: "il", "ipv6", "sdrp", "ipv6-route", "ipv6-frag", "idrp", "rsvp", "gre", "dsr", "bna",
	50: "esp", "ah", "i-nlsp", "swipe", "narp", "min-ipv4", "tlsp", "skip", "ipv6-icmp", "ipv6-nonxt",
	60: "ipv6-opts", "host-internal", "cftp", "local-network", "sat-expak", "kryptolan", "rvd", "ippc", "distributed-fs", "sat-mon",
	70: "visa", "ipcv", "cpnx", "cphb", "wsn", "pvp", "br-sat-mon", "sun-nd", "wb-mon", "wb-expak",
	80: "iso-ip", "vmtp", "secure-vmtp", "vines", "iptm", "nsfnet-igp", "dgp", "tcf", "eigrp", "ospfigp",
	90: "sprite-rpc", "larp", "mtp", "ax.25", "ipip", "micp", "scc-sp", "etherip", "encap", "private-encryption",
	100: "gmtp", "ifmp", "pnni", "pim", "aris", "scps", "qnx", "a/n", "ipcomp", "snp",
	110: "compaq-peer", "ipx-in-ip", "vrrp", "pgm", "0-hop", "l2tp", "ddx", "iatp", "stp", "srp",
	120: "uti", "smp", "sm", "ptp", "isis", "fire", "crtp", "crudp", "sscopmce", "iplt",
	130: "sps", "pipe", "sctp", "fc", "rsvp-e2e-ignore", "mobility-header", "udplite", "mpls-in-ip", "manet", "hip",
	140: "shim6", "wesp", "rohc", "ethernet", "aggfrag", "nsh", "homa", "bit-emu",
	253: "experiment-1", "experiment-2", "reserved",
}

// appendProtocolName appends what a summary calls an IP protocol. ICMP is called so in both versions.
func appendProtocolName(dst []byte, number uint8) []byte {
	switch name := ianaProtocols[number]; {
	case number == packet.ICMPv6:
		return append(dst, "icmp"...)
	case name != "":
		return append(dst, name...)
	default:
		return strconv.AppendUint(append(dst, "protocol "...), uint64(number), 10)
	}
}

// appendIPProtocol appends what gopacket calls an IP protocol, or what IANA does, or the number.
func appendIPProtocol(dst []byte, number uint8) []byte {
	switch name := ianaProtocols[number]; {
	case layers.IPProtocolMetadata[number].DecodeWith != nil:
		return append(dst, layers.IPProtocol(number).String()...)
	case name != "":
		return append(dst, name...)
	default:
		return strconv.AppendUint(dst, uint64(number), 10)
	}
}
