// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cilium/monitor/api"
)

// Byte orders of samples.
const (
	LittleEndian = "little"
	BigEndian    = "big"
)

// HostByteOrder returns the byte order of this machine.
func HostByteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return LittleEndian
	}
	return BigEndian
}

// otherByteOrder is that of machines unlike this one.
func otherByteOrder() string {
	if HostByteOrder() == LittleEndian {
		return BigEndian
	}
	return LittleEndian
}

func byteOrderError() error {
	return fmt.Errorf("%w: its events are %s-endian, this machine is %s-endian; it can be read on one like the agent's",
		ErrByteOrder, otherByteOrder(), HostByteOrder())
}

// orderFinder finds out in which byte order the samples of a session are, which does not say so.
type orderFinder struct{ known bool }

// Offsets in the header that all samples with a packet begin with, and its size.
const (
	offsetOrigLen = 8
	offsetCapLen  = 12
	minHeader     = 16
)

// maxPacket is more than any packet has, and less than most lengths in the wrong byte order.
const maxPacket = 1 << 20

// check returns an error if a sample shows that the byte order is not this machine's. The lengths
// of the packet tell: there is one order in which they fit, but for a few that are the same in both.
func (f *orderFinder) check(sample []byte) error {
	if f.known || len(sample) < minHeader {
		return nil
	}
	switch sample[0] {
	case api.MessageTypeDrop, api.MessageTypeTrace, api.MessageTypePolicyVerdict, api.MessageTypeCapture, api.MessageTypeKernelDrop:
	default:
		return nil
	}
	orig := binary.NativeEndian.Uint32(sample[offsetOrigLen:])
	captured := binary.NativeEndian.Uint16(sample[offsetCapLen:])
	fits := func(orig uint32, captured uint16) bool {
		return uint32(captured) <= orig && orig <= maxPacket && int(captured) <= len(sample)-minHeader
	}
	here, there := fits(orig, captured), fits(bits.ReverseBytes32(orig), bits.ReverseBytes16(captured))
	f.known = here && !there
	if there && !here {
		return byteOrderError()
	}
	return nil
}
