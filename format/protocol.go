// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strconv"

	"github.com/gopacket/gopacket/layers"
)

// IP protocol numbers that the package knows more of than the number.
const (
	protocolICMPv4 = uint8(layers.IPProtocolICMPv4)
	protocolIGMP   = uint8(layers.IPProtocolIGMP)
	protocolTCP    = uint8(layers.IPProtocolTCP)
	protocolUDP    = uint8(layers.IPProtocolUDP)
	protocolGRE    = uint8(layers.IPProtocolGRE)
	protocolICMPv6 = uint8(layers.IPProtocolICMPv6)
	protocolVRRP   = uint8(layers.IPProtocolVRRP)
	protocolSCTP   = uint8(layers.IPProtocolSCTP)
)

type protocolName struct {
	name   string
	number uint8
}

// protocols has the IP protocols that have a name in filters and messages.
var protocols = [...]protocolName{
	{"tcp", protocolTCP},
	{"udp", protocolUDP},
	{"sctp", protocolSCTP},
	{"icmp", protocolICMPv4}, // and ICMPv6, where a filter asks for it
	{"icmpv4", protocolICMPv4},
	{"icmpv6", protocolICMPv6},
	{"igmp", protocolIGMP},
	{"vrrp", protocolVRRP},
	{"gre", protocolGRE},
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
	case number == protocolICMPv6:
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

// ipLayers has the layer that each protocol number announces.
var ipLayers = func() (all [256]layerKind) {
	for i := range all {
		all[i] = layerOther
	}
	for number, kind := range map[uint8]layerKind{
		0: layerHopByHop, 1: layerICMPv4, 2: layerIGMP, 4: layerIPv4, 6: layerTCP, 17: layerUDP, 33: layerDCCP, 41: layerIPv6,
		43: layerRouting, 44: layerFragment, 47: layerGRE, 50: layerESP, 51: layerAH, 58: layerICMPv6, 59: layerNone, 60: layerDestination,
		97: layerEtherIP, 112: layerVRRP, 132: layerSCTP, 135: layerMobility, 136: layerUDPLite, 137: layerMPLS, 139: layerHIP,
		140: layerShim6, 143: layerEthernet,
	} {
		all[number] = kind
	}
	return all
}()
