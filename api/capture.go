// SPDX-License-Identifier: Apache-2.0

package api

import "encoding/binary"

// Subtypes of capture samples: where the packet was captured.
const (
	CaptureDelivery  = 4  // Arg1 is the ifindex
	CaptureFromLB    = 5  // Arg1 is the ifindex
	CaptureAfterV46  = 6  // Arg1 is the ifindex
	CaptureAfterV64  = 7  // Arg1 is the ifindex
	CaptureProxyPre  = 8  // Arg1 is the port in network byte order
	CaptureProxyPost = 9  // Arg1 is the port in network byte order
	CaptureSNATPre   = 10 // Arg1 is the ifindex
	CaptureSNATPost  = 11 // Arg1 is the ifindex
)

var captures = []string{
	CaptureDelivery:  "delivery",
	CaptureFromLB:    "from-lb",
	CaptureAfterV46:  "after-v46",
	CaptureAfterV64:  "after-v64",
	CaptureProxyPre:  "proxy-pre",
	CaptureProxyPost: "proxy-post",
	CaptureSNATPre:   "snat-pre",
	CaptureSNATPost:  "snat-post",
}

// CaptureName returns the name of a subtype of capture samples, else "unknown(N)".
func CaptureName(subType uint8) string { return nameOf(captures, subType) }

var captureLayout = layout{MessageTypeCapture, []int{24, 24}}

// DebugCapture is a packet captured for debugging (type 3). The packet data follows.
type DebugCapture struct {
	Type       uint8
	SubType    uint8  // see [CaptureName]
	Source     uint16 // local endpoint id
	Hash       uint32
	OrigLen    uint32 // length of the packet in bytes
	CapLen     uint16 // captured bytes of it
	Version    uint8  // 0 or 1, which have the same layout
	ExtVersion uint8  // see [RegisterExtension]
	Arg1, Arg2 uint32 // of a meaning that SubType decides
}

// Decode sets all fields from a sample. After an error n is unchanged.
func (n *DebugCapture) Decode(sample []byte) error {
	if err := captureLayout.check(sample); err != nil {
		return err
	}
	*n = DebugCapture{
		Arg1: binary.NativeEndian.Uint32(sample[16:]),
		Arg2: binary.NativeEndian.Uint32(sample[20:]),
	}
	getHeader(sample, &n.Type, &n.SubType, &n.Source, &n.Hash, &n.OrigLen, &n.CapLen, &n.Version, &n.ExtVersion)
	return nil
}

// Append appends the DataOffset bytes of n to dst; the bytes of an extension are 0.
// The caller appends n.CapLen bytes of packet data.
func (n *DebugCapture) Append(dst []byte) []byte {
	dst, b := appendZeros(dst, n.DataOffset())
	putHeader(b, n.Type, n.SubType, n.Source, n.Hash, n.OrigLen, n.CapLen, n.Version, n.ExtVersion)
	binary.NativeEndian.PutUint32(b[16:], n.Arg1)
	binary.NativeEndian.PutUint32(b[20:], n.Arg2)
	return dst
}

// DataOffset returns where the packet data begins, in bytes from the start of the sample.
func (n *DebugCapture) DataOffset() int {
	return captureLayout.encodedLen(n.Version, n.ExtVersion)
}

// PacketData returns the n.CapLen captured bytes of the sample that n was decoded from,
// without padding. They share the sample's memory.
func (n *DebugCapture) PacketData(sample []byte) ([]byte, error) {
	return captureLayout.packetData(sample, n.Version, n.ExtVersion, n.CapLen)
}
