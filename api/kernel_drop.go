// SPDX-License-Identifier: Apache-2.0

package api

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// Directions of a kernel drop: whether the packet was on its way in or out when it was dropped.
const (
	KernelDropIngress = 1
	KernelDropEgress  = 2
)

// KernelDropDirectionName returns "ingress" or "egress", and "unknown(N)" for any other number.
func KernelDropDirectionName(direction uint8) string {
	switch direction {
	case KernelDropIngress:
		return "ingress"
	case KernelDropEgress:
		return "egress"
	default:
		return unknown(int(direction))
	}
}

// FlagOtherNetNS is a flag of kernel drops: the network namespace is another one than the agent's, or it is not known which one it
// is (NetNS is 0). Ifindex is none of the agent's devices, then.
const FlagOtherNetNS = 0x10

// Lengths of the texts in a kernel drop, in bytes. A text that is shorter is followed by zeros, one that would be longer is cut.
const (
	kernelDropDeviceLen   = 16
	kernelDropProcessLen  = 16
	kernelDropReasonLen   = 40
	kernelDropFunctionLen = 64
)

// Where they are.
const (
	offKernelDropDevice   = 56
	offKernelDropProcess  = offKernelDropDevice + kernelDropDeviceLen
	offKernelDropReason   = offKernelDropProcess + kernelDropProcessLen
	offKernelDropFunction = offKernelDropReason + kernelDropReasonLen
	kernelDropLen         = offKernelDropFunction + kernelDropFunctionLen
)

var kernelDropLayout = layout{MessageTypeKernelDrop, []int{kernelDropLen}}

// KernelDropNotify is a packet that the kernel dropped (type 100), whatever datapath there is. The packet data follows: the
// packet from its outermost header that is there. docs/kernel-drops.md has its bytes.
//
// All that is a number in the kernel has its text in the event, since only the machine that it comes from knows what
// the numbers mean: ReasonName, Function and Device print right everywhere, also of a recording.
type KernelDropNotify struct {
	Type       uint8
	Direction  uint8  // KernelDropIngress or KernelDropEgress
	Source     uint16 // 0: the kernel knows of no endpoints
	Hash       uint32 // that the kernel has for the flow, 0 if it has none
	OrigLen    uint32 // length of the packet in bytes
	CapLen     uint16 // captured bytes of it
	Version    uint8  // 0
	ExtVersion uint8  // 0: there are no extensions
	Reason     uint32 // enum skb_drop_reason of the machine's kernel; its upper 16 bits say whose reason it is. 0 before Linux 5.17
	Ifindex    uint32 // in the network namespace NetNS; 0 if it is not known
	CgroupID   uint64 // of the socket that the packet is from or for; 0 if there is none
	NetNS      uint32 // inode of the network namespace; 0 if it is not known
	PID        uint32 // process in whose system call the packet was dropped; 0 if it was not in one
	Limited    uint32 // drops like this one, on this CPU since the event before, that left no event, since there were too many
	Mark       uint32 // of the packet
	Offset     uint32 // in Function, in bytes
	Protocol   uint16 // EtherType; 0 if it is not known
	Flags      uint8  // FlagIPv6, FlagL3Device, FlagOtherNetNS
	Device     string // name of the network device, up to 16 bytes
	Process    string // name of the process PID, up to 16 bytes
	ReasonName string // as the kernel calls it, such as "NO_SOCKET", up to 40 bytes; see ReasonText
	Function   string // of the kernel, that dropped the packet, up to 64 bytes; empty if it is not known
}

// Decode sets all fields from a sample. After an error n is unchanged. It allocates texts that are others than those
// which n has.
func (n *KernelDropNotify) Decode(sample []byte) error {
	if err := kernelDropLayout.check(sample); err != nil {
		return err
	}
	*n = KernelDropNotify{
		Reason:     binary.NativeEndian.Uint32(sample[16:]),
		Ifindex:    binary.NativeEndian.Uint32(sample[20:]),
		CgroupID:   binary.NativeEndian.Uint64(sample[24:]),
		NetNS:      binary.NativeEndian.Uint32(sample[32:]),
		PID:        binary.NativeEndian.Uint32(sample[36:]),
		Limited:    binary.NativeEndian.Uint32(sample[40:]),
		Mark:       binary.NativeEndian.Uint32(sample[44:]),
		Offset:     binary.NativeEndian.Uint32(sample[48:]),
		Protocol:   binary.NativeEndian.Uint16(sample[52:]),
		Flags:      sample[54],
		Device:     getText(sample[offKernelDropDevice:offKernelDropProcess], n.Device),
		Process:    getText(sample[offKernelDropProcess:offKernelDropReason], n.Process),
		ReasonName: getText(sample[offKernelDropReason:offKernelDropFunction], n.ReasonName),
		Function:   getText(sample[offKernelDropFunction:kernelDropLen], n.Function),
	}
	getHeader(sample, &n.Type, &n.Direction, &n.Source, &n.Hash, &n.OrigLen, &n.CapLen, &n.Version, &n.ExtVersion)
	return nil
}

// getText returns the text in b, which is old if that is the same.
func getText(b []byte, old string) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if string(b) == old {
		return old
	}
	return string(b)
}

// Append appends the DataOffset bytes of n to dst. The caller appends n.CapLen bytes of packet data.
func (n *KernelDropNotify) Append(dst []byte) []byte {
	dst, b := appendZeros(dst, kernelDropLen)
	putHeader(b, n.Type, n.Direction, n.Source, n.Hash, n.OrigLen, n.CapLen, n.Version, n.ExtVersion)
	binary.NativeEndian.PutUint32(b[16:], n.Reason)
	binary.NativeEndian.PutUint32(b[20:], n.Ifindex)
	binary.NativeEndian.PutUint64(b[24:], n.CgroupID)
	binary.NativeEndian.PutUint32(b[32:], n.NetNS)
	binary.NativeEndian.PutUint32(b[36:], n.PID)
	binary.NativeEndian.PutUint32(b[40:], n.Limited)
	binary.NativeEndian.PutUint32(b[44:], n.Mark)
	binary.NativeEndian.PutUint32(b[48:], n.Offset)
	binary.NativeEndian.PutUint16(b[52:], n.Protocol)
	b[54] = n.Flags
	copy(b[offKernelDropDevice:offKernelDropProcess], n.Device)
	copy(b[offKernelDropProcess:offKernelDropReason], n.Process)
	copy(b[offKernelDropReason:offKernelDropFunction], n.ReasonName)
	copy(b[offKernelDropFunction:kernelDropLen], n.Function)
	return dst
}

// DataOffset returns where the packet data begins, in bytes from the start of the sample.
func (n *KernelDropNotify) DataOffset() int {
	return kernelDropLayout.encodedLen(n.Version, n.ExtVersion)
}

// PacketData returns the n.CapLen captured bytes of the sample that n was decoded from,
// without padding. They share the sample's memory.
func (n *KernelDropNotify) PacketData(sample []byte) ([]byte, error) {
	return kernelDropLayout.packetData(sample, n.Version, n.ExtVersion, n.CapLen)
}

// ReasonText returns why the packet was dropped: ReasonName; the number of a reason that has no name; and "" if the kernel,
// which is older than Linux 5.17, gives no reasons.
func (n *KernelDropNotify) ReasonText() string {
	if n.ReasonName == "" && n.Reason != 0 {
		return strconv.FormatUint(uint64(n.Reason), 10)
	}
	return n.ReasonName
}

// IsIPv6 reports whether the packet is IPv6.
func (n *KernelDropNotify) IsIPv6() bool { return n.Flags&FlagIPv6 != 0 }

// IsL3Device reports whether the packet data has no Ethernet header: it begins with the header of the network layer, or
// with what came next to be looked at if that is not known either.
func (n *KernelDropNotify) IsL3Device() bool { return n.Flags&FlagL3Device != 0 }

// IsOtherNetNS reports whether the packet was dropped in another network namespace than the agent's, or in one that is not
// known.
func (n *KernelDropNotify) IsOtherNetNS() bool { return n.Flags&FlagOtherNetNS != 0 }
