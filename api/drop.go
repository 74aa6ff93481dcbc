// SPDX-License-Identifier: Apache-2.0

package api

import "encoding/binary"

// Flags of drop (from version 2 on) and trace samples.
const (
	// FlagIPv6: the packet is IPv6.
	FlagIPv6 = 0x1

	// FlagL3Device: the packet has no Ethernet header.
	FlagL3Device = 0x2

	// FlagVXLAN: the packet is the outer UDP packet of a VXLAN tunnel.
	FlagVXLAN = 0x4

	// FlagGeneve: the packet is the outer UDP packet of a Geneve tunnel.
	FlagGeneve = 0x8
)

var dropLayout = layout{MessageTypeDrop, []int{36, 36, 40, 48}}

// DropNotify is a packet that the datapath dropped (type 1). The packet data follows.
type DropNotify struct {
	Type       uint8
	SubType    uint8  // drop reason, see [DropReasonExt]
	Source     uint16 // local endpoint id
	Hash       uint32
	OrigLen    uint32 // length of the packet in bytes
	CapLen     uint16 // captured bytes of it
	Version    uint8  // 0 to 3
	ExtVersion uint8  // see [RegisterExtension]
	SrcLabel   NumericIdentity
	DstLabel   NumericIdentity
	DstID      uint32 // destination endpoint id
	Line       uint16 // line in File
	File       uint8  // datapath source file, see [DropFile]
	ExtError   int8   // see [DropReasonExt]
	Ifindex    uint32
	Flags      uint8  // Flag constants; from version 2 on
	IPTraceID  uint64 // from version 3 on
}

// Decode sets all fields from a sample; those that its version does not have become 0.
// After an error n is unchanged.
func (n *DropNotify) Decode(sample []byte) error {
	if err := dropLayout.check(sample); err != nil {
		return err
	}
	*n = DropNotify{
		SrcLabel: NumericIdentity(binary.NativeEndian.Uint32(sample[16:])),
		DstLabel: NumericIdentity(binary.NativeEndian.Uint32(sample[20:])),
		DstID:    binary.NativeEndian.Uint32(sample[24:]),
		Line:     binary.NativeEndian.Uint16(sample[28:]),
		File:     sample[30],
		ExtError: int8(sample[31]),
		Ifindex:  binary.NativeEndian.Uint32(sample[32:]),
	}
	getHeader(sample, &n.Type, &n.SubType, &n.Source, &n.Hash, &n.OrigLen, &n.CapLen, &n.Version, &n.ExtVersion)
	if n.Version >= 2 {
		n.Flags = sample[36]
	}
	if n.Version >= 3 {
		n.IPTraceID = binary.NativeEndian.Uint64(sample[40:])
	}
	return nil
}

// Append appends the DataOffset bytes of n to dst, in the layout of n.Version; the bytes
// of an extension are 0. The caller appends n.CapLen bytes of packet data.
// A version or extension that is not known gets the newest layout that is.
func (n *DropNotify) Append(dst []byte) []byte {
	dst, b := appendZeros(dst, n.DataOffset())
	putHeader(b, n.Type, n.SubType, n.Source, n.Hash, n.OrigLen, n.CapLen, n.Version, n.ExtVersion)
	binary.NativeEndian.PutUint32(b[16:], uint32(n.SrcLabel))
	binary.NativeEndian.PutUint32(b[20:], uint32(n.DstLabel))
	binary.NativeEndian.PutUint32(b[24:], n.DstID)
	binary.NativeEndian.PutUint16(b[28:], n.Line)
	b[30] = n.File
	b[31] = uint8(n.ExtError)
	binary.NativeEndian.PutUint32(b[32:], n.Ifindex)
	if n.Version >= 2 {
		b[36] = n.Flags
	}
	if n.Version >= 3 {
		binary.NativeEndian.PutUint64(b[40:], n.IPTraceID)
	}
	return dst
}

// DataOffset returns where the packet data begins, in bytes from the start of the sample.
func (n *DropNotify) DataOffset() int {
	return dropLayout.encodedLen(n.Version, n.ExtVersion)
}

// PacketData returns the n.CapLen captured bytes of the sample that n was decoded from,
// without padding. They share the sample's memory.
func (n *DropNotify) PacketData(sample []byte) ([]byte, error) {
	return dropLayout.packetData(sample, n.Version, n.ExtVersion, n.CapLen)
}

// IsIPv6 reports whether the packet is IPv6.
func (n *DropNotify) IsIPv6() bool { return n.Flags&FlagIPv6 != 0 }

// IsL3Device reports whether the packet has no Ethernet header.
func (n *DropNotify) IsL3Device() bool { return n.Flags&FlagL3Device != 0 }

// IsVXLAN reports whether the packet is the outer packet of a VXLAN tunnel.
func (n *DropNotify) IsVXLAN() bool { return n.Flags&FlagVXLAN != 0 }

// IsGeneve reports whether the packet is the outer packet of a Geneve tunnel.
func (n *DropNotify) IsGeneve() bool { return n.Flags&FlagGeneve != 0 }
