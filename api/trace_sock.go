// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/binary"
	"net/netip"
)

// Translation points: where a socket's address was seen.
const (
	XlatePointUnknown = 0
	XlatePointPreFwd  = 1
	XlatePointPostFwd = 2
	XlatePointPreRev  = 3
	XlatePointPostRev = 4
)

// Layer 4 protocols of a trace-sock sample; these are not IP protocol numbers.
const (
	TraceSockTCP = 1
	TraceSockUDP = 2
)

// TraceSockFlagIPv6: DstIP is IPv6.
const TraceSockFlagIPv6 = 0x1

// XlatePointName returns the name of a translation point, such as "pre-xlate-fwd", else
// "unknown".
func XlatePointName(point uint8) string {
	switch point {
	case XlatePointPreFwd:
		return "pre-xlate-fwd"
	case XlatePointPostFwd:
		return "post-xlate-fwd"
	case XlatePointPreRev:
		return "pre-xlate-rev"
	case XlatePointPostRev:
		return "post-xlate-rev"
	default:
		return "unknown"
	}
}

// TraceSockProtocolName returns "tcp" or "udp", else "unknown".
func TraceSockProtocolName(l4Proto uint8) string {
	switch l4Proto {
	case TraceSockTCP:
		return "tcp"
	case TraceSockUDP:
		return "udp"
	default:
		return "unknown"
	}
}

const traceSockLen = 40

// TraceSockNotify is a translation by the socket load balancer (type 7), without packet
// data.
type TraceSockNotify struct {
	Type       uint8
	XlatePoint uint8 // see [XlatePointName]
	L4Proto    uint8 // see [TraceSockProtocolName]
	Flags      uint8
	DstPort    uint16 // host byte order
	SockCookie uint64
	CgroupID   uint64
	DstIP      [16]byte // see Addr
}

// Decode sets all fields from a sample. After an error n is unchanged.
func (n *TraceSockNotify) Decode(sample []byte) error {
	if err := checkFixed(sample, MessageTypeTraceSock, traceSockLen); err != nil {
		return err
	}
	*n = TraceSockNotify{
		Type:       sample[0],
		XlatePoint: sample[1],
		L4Proto:    sample[2],
		Flags:      sample[3],
		DstPort:    binary.NativeEndian.Uint16(sample[4:]),
		SockCookie: binary.NativeEndian.Uint64(sample[8:]),
		CgroupID:   binary.NativeEndian.Uint64(sample[16:]),
		DstIP:      [16]byte(sample[24:]),
	}
	return nil
}

// Append appends the 40 bytes of n to dst; padding is 0.
func (n *TraceSockNotify) Append(dst []byte) []byte {
	dst = append(dst, n.Type, n.XlatePoint, n.L4Proto, n.Flags)
	dst = binary.NativeEndian.AppendUint16(dst, n.DstPort)
	dst = append(dst, 0, 0)
	dst = binary.NativeEndian.AppendUint64(dst, n.SockCookie)
	dst = binary.NativeEndian.AppendUint64(dst, n.CgroupID)
	return append(dst, n.DstIP[:]...)
}

// IsIPv6 reports whether the address is IPv6.
func (n *TraceSockNotify) IsIPv6() bool { return n.Flags&TraceSockFlagIPv6 != 0 }

// Addr returns the destination address: IPv6 if IsIPv6, IPv4 otherwise.
func (n *TraceSockNotify) Addr() netip.Addr { return addr(n.DstIP, n.IsIPv6()) }
