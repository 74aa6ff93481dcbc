// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/gopacket/gopacket/layers"

// IP protocol numbers that the package knows more of than the number.
const (
	protocolTCP  = uint8(layers.IPProtocolTCP)
	protocolUDP  = uint8(layers.IPProtocolUDP)
	protocolSCTP = uint8(layers.IPProtocolSCTP)
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
	{"icmp", uint8(layers.IPProtocolICMPv4)},
	{"icmpv6", uint8(layers.IPProtocolICMPv6)},
	{"igmp", uint8(layers.IPProtocolIGMP)},
	{"vrrp", uint8(layers.IPProtocolVRRP)},
	{"gre", uint8(layers.IPProtocolGRE)},
	{"esp", uint8(layers.IPProtocolESP)},
	{"ah", uint8(layers.IPProtocolAH)},
}
