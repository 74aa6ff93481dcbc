// SPDX-License-Identifier: Apache-2.0

package packet

// IP protocol numbers, see IANA's "protocol-numbers".
const (
	ICMPv4 = uint8(1)
	IGMP   = uint8(2)
	TCP    = uint8(6)
	UDP    = uint8(17)
	GRE    = uint8(47)
	ICMPv6 = uint8(58)
	VRRP   = uint8(112)
	SCTP   = uint8(132)
)

// ipLayers has the layer that each protocol number announces.
var ipLayers = func() (all [256]LayerKind) {
	for i := range all {
		all[i] = LayerOther
	}
	for number, kind := range map[uint8]LayerKind{
		0: LayerHopByHop, 1: LayerICMPv4, 2: LayerIGMP, 4: LayerIPv4, 6: LayerTCP, 17: LayerUDP, 33: LayerDCCP, 41: LayerIPv6,
		43: LayerRouting, 44: LayerFragment, 47: LayerGRE, 50: LayerESP, 51: LayerAH, 58: LayerICMPv6, 59: LayerNone, 60: LayerDestination,
		97: LayerEtherIP, 112: LayerVRRP, 132: LayerSCTP, 135: LayerMobility, 136: LayerUDPLite, 137: LayerMPLS, 139: LayerHIP,
		140: LayerShim6, 143: LayerEthernet,
	} {
		all[number] = kind
	}
	return all
}()
