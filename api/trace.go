// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/binary"
	"net/netip"
)

var traceLayout = layout{MessageTypeTrace, []int{32, 48, 56}}

// Where a trace has the mark, from version 1 on: in bytes of OrigIP that nobody reads, those behind an IPv4 address. Traces of
// Cilium's datapath have zeros there. docs/packets.md has these bytes.
const (
	offTraceOrigIP   = 32
	offTraceMark     = 36
	offTraceMarkIPv6 = 40 // 1: the packet is IPv6, which FlagIPv6 does not say
	offTraceMarked   = 44 // traceMarked

	traceMarked = "mark"
)

// TraceNotify is a packet that the datapath forwarded (type 4). The packet data follows.
type TraceNotify struct {
	Type       uint8
	ObsPoint   uint8  // observation point, see [ObservationPointName]
	Source     uint16 // local endpoint id
	Hash       uint32
	OrigLen    uint32 // length of the packet in bytes
	CapLen     uint16 // captured bytes of it
	Version    uint8  // 0 to 2
	ExtVersion uint8  // see [RegisterExtension]
	SrcLabel   NumericIdentity
	DstLabel   NumericIdentity
	DstID      uint16 // destination endpoint id; the proxy port for [TraceToProxy]
	Reason     uint8  // see [TraceReasonName]
	Flags      uint8  // Flag constants
	Ifindex    uint32
	OrigIP     [16]byte // from version 1 on, see OriginalIP
	IPTraceID  uint64   // from version 2 on

	// Mark is that of the packet (skb->mark), 0 if it has none, or it is not known: traces have it from version 1 on, as far as
	// they are of this module's datapath and have room for it, which they do unless they have FlagIPv6 together with FlagL3Device or an OrigIP.
	Mark uint32
}

// Decode sets all fields from a sample; those that its version does not have become 0.
// After an error n is unchanged.
func (n *TraceNotify) Decode(sample []byte) error {
	if err := traceLayout.check(sample); err != nil {
		return err
	}
	*n = TraceNotify{
		SrcLabel: NumericIdentity(binary.NativeEndian.Uint32(sample[16:])),
		DstLabel: NumericIdentity(binary.NativeEndian.Uint32(sample[20:])),
		DstID:    binary.NativeEndian.Uint16(sample[24:]),
		Reason:   sample[26],
		Flags:    sample[27],
		Ifindex:  binary.NativeEndian.Uint32(sample[28:]),
	}
	getHeader(sample, &n.Type, &n.ObsPoint, &n.Source, &n.Hash, &n.OrigLen, &n.CapLen, &n.Version, &n.ExtVersion)
	if n.Version >= 1 {
		n.OrigIP = [16]byte(sample[offTraceOrigIP:])
		n.getMark(sample)
	}
	if n.Version >= 2 {
		n.IPTraceID = binary.NativeEndian.Uint64(sample[48:])
	}
	return nil
}

// Append appends the DataOffset bytes of n to dst, in the layout of n.Version; the bytes
// of an extension are 0. The caller appends n.CapLen bytes of packet data.
// A version or extension that is not known gets the newest layout that is.
func (n *TraceNotify) Append(dst []byte) []byte {
	dst, b := appendZeros(dst, n.DataOffset())
	putHeader(b, n.Type, n.ObsPoint, n.Source, n.Hash, n.OrigLen, n.CapLen, n.Version, n.ExtVersion)
	binary.NativeEndian.PutUint32(b[16:], uint32(n.SrcLabel))
	binary.NativeEndian.PutUint32(b[20:], uint32(n.DstLabel))
	binary.NativeEndian.PutUint16(b[24:], n.DstID)
	b[26] = n.Reason
	b[27] = n.Flags
	binary.NativeEndian.PutUint32(b[28:], n.Ifindex)
	if n.Version >= 1 {
		copy(b[offTraceOrigIP:], n.OrigIP[:])
		n.putMark(b)
	}
	if n.Version >= 2 {
		binary.NativeEndian.PutUint64(b[48:], n.IPTraceID)
	}
	return dst
}

// getMark sets Mark, and what the bytes of it say otherwise without it.
func (n *TraceNotify) getMark(sample []byte) {
	if string(sample[offTraceMarked:offTraceMarked+len(traceMarked)]) != traceMarked || n.IsIPv6() {
		return
	}
	mark, ipv6 := binary.NativeEndian.Uint32(sample[offTraceMark:]), binary.NativeEndian.Uint32(sample[offTraceMarkIPv6:])
	if mark == 0 || ipv6 > 1 || ipv6 == 1 && (n.IsL3Device() || [4]byte(n.OrigIP[:]) != [4]byte{}) {
		return
	}
	n.Mark = mark
	n.Flags |= FlagIPv6 * uint8(ipv6)
	clear(n.OrigIP[offTraceMark-offTraceOrigIP:])
}

// putMark writes Mark if there is room for it.
func (n *TraceNotify) putMark(b []byte) {
	if n.Mark == 0 || n.IsIPv6() && (n.IsL3Device() || n.OrigIP != [16]byte{}) {
		return
	}
	binary.NativeEndian.PutUint32(b[offTraceMark:], n.Mark)
	binary.NativeEndian.PutUint32(b[offTraceMarkIPv6:], uint32(n.Flags&FlagIPv6))
	copy(b[offTraceMarked:], traceMarked)
	b[27] &^= FlagIPv6
}

// DataOffset returns where the packet data begins, in bytes from the start of the sample.
func (n *TraceNotify) DataOffset() int {
	return traceLayout.encodedLen(n.Version, n.ExtVersion)
}

// PacketData returns the n.CapLen captured bytes of the sample that n was decoded from,
// without padding. They share the sample's memory.
func (n *TraceNotify) PacketData(sample []byte) ([]byte, error) {
	return traceLayout.packetData(sample, n.Version, n.ExtVersion, n.CapLen)
}

// TraceReason returns the reason without the encryption bit.
func (n *TraceNotify) TraceReason() uint8 { return n.Reason &^ TraceReasonEncryptMask }

// IsEncrypted reports whether the packet was encrypted.
func (n *TraceNotify) IsEncrypted() bool { return n.Reason&TraceReasonEncryptMask != 0 }

// IsIPv6 reports whether the packet is IPv6.
func (n *TraceNotify) IsIPv6() bool { return n.Flags&FlagIPv6 != 0 }

// IsL3Device reports whether the packet has no Ethernet header.
func (n *TraceNotify) IsL3Device() bool { return n.Flags&FlagL3Device != 0 }

// IsVXLAN reports whether the packet is the outer packet of a VXLAN tunnel.
func (n *TraceNotify) IsVXLAN() bool { return n.Flags&FlagVXLAN != 0 }

// IsGeneve reports whether the packet is the outer packet of a Geneve tunnel.
func (n *TraceNotify) IsGeneve() bool { return n.Flags&FlagGeneve != 0 }

// OriginalIP returns the source address before translation: IPv6 if IsIPv6, IPv4
// otherwise, and the unspecified address (0.0.0.0 or ::) when it was not translated.
func (n *TraceNotify) OriginalIP() netip.Addr {
	return addr(n.OrigIP, n.IsIPv6())
}

// addr returns the address in b: all of it, or IPv4 in the first 4 bytes.
func addr(b [16]byte, ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.AddrFrom16(b)
	}
	return netip.AddrFrom4([4]byte(b[:4]))
}
