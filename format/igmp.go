// SPDX-License-Identifier: Apache-2.0

package format

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// igmp decodes all versions of IGMP: gopacket has a layer for 1 and 2, and one for 3.
type igmp struct {
	v12  layers.IGMPv1or2
	v3   layers.IGMP
	isV3 bool
}

// DecodeFromBytes implements gopacket.DecodingLayer.
func (i *igmp) DecodeFromBytes(data []byte, df gopacket.DecodeFeedback) error {
	i.isV3 = len(data) > 0 && layers.IGMPType(data[0]) == layers.IGMPMembershipReportV3 ||
		len(data) >= 12 && layers.IGMPType(data[0]) == layers.IGMPMembershipQuery
	if i.isV3 {
		return i.v3.DecodeFromBytes(data, df)
	}
	return i.v12.DecodeFromBytes(data, df)
}

// CanDecode implements gopacket.DecodingLayer.
func (i *igmp) CanDecode() gopacket.LayerClass { return layers.LayerTypeIGMP }

// NextLayerType implements gopacket.DecodingLayer.
func (i *igmp) NextLayerType() gopacket.LayerType { return gopacket.LayerTypeZero }

// LayerPayload implements gopacket.DecodingLayer.
func (i *igmp) LayerPayload() []byte { return nil }

// layer returns the layer of gopacket that was decoded last.
func (i *igmp) layer() gopacket.Layer {
	if i.isV3 {
		return &i.v3
	}
	return &i.v12
}

// appendSummary appends the type and the group, of a report of several the first.
func (i *igmp) appendSummary(dst []byte) []byte {
	typ, group := i.v12.Type, i.v12.GroupAddress
	if i.isV3 {
		typ, group = i.v3.Type, i.v3.GroupAddress
		if len(i.v3.GroupRecords) > 0 {
			group = i.v3.GroupRecords[0].MulticastAddress
		}
	}
	if name := typ.String(); name != "" {
		dst = append(dst, name...)
	} else {
		dst = strconv.AppendUint(append(dst, "type "...), uint64(typ), 10)
	}
	return appendGroup(dst, group)
}

func appendGroup(dst []byte, group net.IP) []byte {
	if addr, ok := netip.AddrFromSlice(group); ok {
		return addr.AppendTo(append(dst, ' '))
	}
	return dst
}
