// SPDX-License-Identifier: Apache-2.0

package format

import (
	"fmt"

	"github.com/gopacket/gopacket/layers"
)

// icmpTypes has the types of messages that gopacket has no names for: types of ICMP up to 255, those of
// ICMPv6 from icmpV6 on.
var icmpTypes = map[uint32]string{
	6:   "AlternateHostAddress",
	30:  "Traceroute",
	40:  "Photuris",
	42:  "ExtendedEchoRequest",
	43:  "ExtendedEchoReply",
	253: "Experiment1",
	254: "Experiment2",

	icmpV6 | 100: "PrivateExperimentation",
	icmpV6 | 101: "PrivateExperimentation",
	icmpV6 | 130: "MulticastListenerQuery",
	icmpV6 | 131: "MulticastListenerReport",
	icmpV6 | 132: "MulticastListenerDone",
	icmpV6 | 138: "RouterRenumbering",
	icmpV6 | 139: "NodeInformationQuery",
	icmpV6 | 140: "NodeInformationResponse",
	icmpV6 | 141: "InverseNeighborSolicitation",
	icmpV6 | 142: "InverseNeighborAdvertisement",
	icmpV6 | 143: "MulticastListenerReportV2",
	icmpV6 | 144: "HomeAgentAddressDiscoveryRequest",
	icmpV6 | 145: "HomeAgentAddressDiscoveryReply",
	icmpV6 | 146: "MobilePrefixSolicitation",
	icmpV6 | 147: "MobilePrefixAdvertisement",
	icmpV6 | 148: "CertificationPathSolicitation",
	icmpV6 | 149: "CertificationPathAdvertisement",
	icmpV6 | 151: "MulticastRouterAdvertisement",
	icmpV6 | 152: "MulticastRouterSolicitation",
	icmpV6 | 153: "MulticastRouterTermination",
	icmpV6 | 155: "RPLControl",
	icmpV6 | 157: "DuplicateAddressRequest",
	icmpV6 | 158: "DuplicateAddressConfirmation",
	icmpV6 | 160: "ExtendedEchoRequest",
	icmpV6 | 161: "ExtendedEchoReply",
}

const icmpV6 = 1 << 16

// icmpCodes has the codes that gopacket has no names for.
var icmpCodes = map[uint32]string{
	icmpV6 | 1<<8 | 7: "DestinationUnreachable(ErrorInSourceRoutingHeader)",
	icmpV6 | 1<<8 | 8: "DestinationUnreachable(HeadersTooLong)",
	icmpV6 | 4<<8 | 3: "ParameterProblem(IncompleteHeaderChain)",
	icmpV6 | 4<<8 | 4: "ParameterProblem(SRUpperLayerHeaderError)",
}

// maxICMPNames is how many names are kept. More than a few occur only if somebody makes them.
const maxICMPNames = 256

// icmpName returns the name of an ICMP type and code, such as "EchoRequest". It takes time
// to build; the few that occur are kept.
func (d *dissection) icmpName(typeCode uint16, v6 bool) string {
	key := uint32(typeCode)
	if v6 {
		key |= icmpV6
	}
	name, ok := d.icmpNames[key]
	if !ok {
		name = buildICMPName(typeCode, v6)
		if len(d.icmpNames) == maxICMPNames {
			clear(d.icmpNames)
		}
		if d.icmpNames == nil {
			d.icmpNames = make(map[uint32]string)
		}
		d.icmpNames[key] = name
	}
	return name
}

func buildICMPName(typeCode uint16, v6 bool) string {
	version := uint32(0)
	if v6 {
		version = icmpV6
	}
	if name, ok := icmpCodes[version|uint32(typeCode)]; ok {
		return name
	}
	name, ok := icmpTypes[version|uint32(typeCode>>8)]
	switch code := uint8(typeCode); {
	case ok && code != 0:
		return fmt.Sprintf("%s(Code: %d)", name, code)
	case ok:
		return name
	case v6:
		return layers.ICMPv6TypeCode(typeCode).String()
	default:
		return layers.ICMPv4TypeCode(typeCode).String()
	}
}
