// SPDX-License-Identifier: Apache-2.0

package packet

// LayerKind is the kind of a header.
type LayerKind uint8

const (
	LayerNone LayerKind = iota
	LayerEthernet
	LayerVLAN
	LayerLLC
	LayerMPLS
	LayerPPPoE
	LayerPPP
	LayerARP
	LayerIPv4
	LayerIPv6
	LayerHopByHop
	LayerRouting
	LayerFragment
	LayerDestination
	LayerMobility
	LayerHIP
	LayerShim6
	LayerAH
	LayerESP
	LayerTCP
	LayerUDP
	LayerUDPLite
	LayerSCTP
	LayerDCCP
	LayerICMPv4
	LayerICMPv6
	LayerIGMP
	LayerVRRP
	LayerGRE
	LayerERSPAN
	LayerEtherIP
	LayerVXLAN
	LayerGeneve
	LayerOther // something carried by IP that only has a name
)

// carriedByIP has the layers that IP gives a number.
var carriedByIP = [LayerOther + 1]bool{
	LayerHopByHop: true, LayerRouting: true, LayerFragment: true, LayerDestination: true, LayerMobility: true, LayerHIP: true,
	LayerShim6: true, LayerAH: true, LayerESP: true, LayerTCP: true, LayerUDP: true, LayerUDPLite: true, LayerSCTP: true,
	LayerDCCP: true, LayerICMPv4: true, LayerICMPv6: true, LayerIGMP: true, LayerVRRP: true, LayerGRE: true, LayerEtherIP: true,
	LayerOther: true,
}
