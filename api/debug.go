// SPDX-License-Identifier: Apache-2.0

package api

import "encoding/binary"

const debugLen = 20

// DebugMsg is a debug message of the datapath (type 2), without packet data.
type DebugMsg struct {
	Type             uint8
	SubType          uint8  // see [DebugName]
	Source           uint16 // local endpoint id
	Hash             uint32
	Arg1, Arg2, Arg3 uint32 // of a meaning that SubType decides
}

// Decode sets all fields from a sample. After an error n is unchanged.
func (n *DebugMsg) Decode(sample []byte) error {
	if err := checkFixed(sample, MessageTypeDebug, debugLen); err != nil {
		return err
	}
	*n = DebugMsg{
		Type:    sample[0],
		SubType: sample[1],
		Source:  binary.NativeEndian.Uint16(sample[offSource:]),
		Hash:    binary.NativeEndian.Uint32(sample[offHash:]),
		Arg1:    binary.NativeEndian.Uint32(sample[8:]),
		Arg2:    binary.NativeEndian.Uint32(sample[12:]),
		Arg3:    binary.NativeEndian.Uint32(sample[16:]),
	}
	return nil
}

// Append appends the 20 bytes of n to dst.
func (n *DebugMsg) Append(dst []byte) []byte {
	dst = append(dst, n.Type, n.SubType)
	dst = binary.NativeEndian.AppendUint16(dst, n.Source)
	dst = binary.NativeEndian.AppendUint32(dst, n.Hash)
	dst = binary.NativeEndian.AppendUint32(dst, n.Arg1)
	dst = binary.NativeEndian.AppendUint32(dst, n.Arg2)
	return binary.NativeEndian.AppendUint32(dst, n.Arg3)
}
