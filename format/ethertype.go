// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/gopacket/gopacket/layers"

// etherTypes has the names of EtherTypes that gopacket has none for.
var etherTypes = map[uint16]string{
	0x0842: "WakeOnLAN",
	0x2001: "NHRP",
	0x22f0: "AVTP",
	0x22f3: "TRILL",
	0x4305: "BATMAN",
	0x8035: "RARP",
	0x809b: "AppleTalk",
	0x80f3: "AARP",
	0x8137: "IPX",
	0x8808: "FlowControl",
	0x883e: "WCCP",
	0x8809: "SlowProtocols",
	0x8892: "PROFINET",
	0x88a2: "AoE",
	0x88a4: "EtherCAT",
	0x88b8: "GOOSE",
	0x88e5: "MACsec",
	0x88e7: "PBB",
	0x88f5: "MVRP",
	0x88f6: "MMRP",
	0x88f7: "PTP",
	0x88fb: "PRP",
	0x8902: "CFM",
	0x8906: "FCoE",
	0x8914: "FIP",
	0x8915: "RoCE",
	0x892f: "HSR",
	0x894f: "NSH",
	0x9100: "QinQ",
}

// appendEtherType appends the name of an EtherType, the number if it has none.
func appendEtherType(dst []byte, number uint16) []byte {
	if layers.EthernetTypeMetadata[number].DecodeWith != nil {
		return append(dst, layers.EthernetType(number).String()...)
	}
	if name, ok := etherTypes[number]; ok {
		return append(dst, name...)
	}
	return appendHex(dst, uint64(number))
}
