// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"math/bits"
	"slices"
)

// typeID is the gob type id of Payload in our sessions: the first one that gob
// leaves to users. Ids only have to be consistent within one session.
const typeID = 64

// Fields of Payload, as gob counts them.
const (
	fieldNone = iota - 1
	fieldData
	fieldCPU
	fieldLost
	fieldType
)

// MaxOverhead is the most bytes that a value message has on top of its Data: the
// message's length, the type id, the length of Data, the three other fields, and
// the end of the struct.
const MaxOverhead = maxUint + 2 + 4*(1+maxUint) + 1

// maxUint is the size of gob's longest unsigned integer.
const maxUint = 9

// AppendTypeInfo appends the message that opens a session: the type information
// of Payload.
func AppendTypeInfo(dst []byte) []byte {
	return appendDefinition(dst, typeID)
}

// appendDefinition appends the definition of type Payload under the given id, as
// encoding/gob writes it.
func appendDefinition(dst []byte, id int) []byte {
	const (
		head = "\x03" + // wireType: field 3, StructT
			"\x01\x01\x07Payload\x01" // CommonType: the name; the id follows
		tail = "\x00" +
			"\x01\x04" + // four fields: name, type
			"\x01\x04Data\x01\x0a\x00" + // []byte
			"\x01\x03CPU\x01\x04\x00" + // int
			"\x01\x04Lost\x01\x06\x00" + // uint
			"\x01\x04Type\x01\x04\x00" + // int
			"\x00\x00"
	)
	size := uintSize(intBits(-id)) + len(head) + uintSize(intBits(id)) + len(tail)
	dst = appendUint(dst, uint64(size))
	dst = appendUint(dst, intBits(-id)) // a negative id announces a definition
	dst = append(dst, head...)
	dst = appendUint(dst, intBits(id))
	return append(dst, tail...)
}

// AppendValue appends pl as a value message of a session that
// [AppendTypeInfo] opened.
func AppendValue(dst []byte, pl *Payload) []byte {
	dst = appendUpToData(dst, len(pl.Data), pl.CPU, pl.Lost, pl.Type)
	dst = append(dst, pl.Data...)
	return appendAfterData(dst, len(pl.Data), pl.CPU, pl.Lost, pl.Type)
}

// AppendSample appends the value message of an EventSample payload with n bytes
// of Data, and leaves these to the caller: data is their place in the returned
// slice, and holds anything until it is filled. So a sample is copied once, from the perf ring buffer straight into the
// message, also where it wraps around the end of the ring.
func AppendSample(dst []byte, n, cpu int) (out, data []byte) {
	dst = appendUpToData(dst, n, cpu, 0, EventSample)
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	dst = appendAfterData(dst, n, cpu, 0, EventSample)
	return dst, dst[start : start+n : start+n]
}

func appendUpToData(dst []byte, n, cpu int, lost uint64, typ int) []byte {
	size := uintSize(intBits(typeID)) +
		fieldSize(uint64(n)) + n +
		fieldSize(intBits(cpu)) + fieldSize(lost) + fieldSize(intBits(typ)) + 1
	dst = appendUint(dst, uint64(size))
	dst = appendUint(dst, intBits(typeID))
	dst, _ = appendField(dst, fieldNone, fieldData, uint64(n))
	return dst
}

func appendAfterData(dst []byte, n, cpu int, lost uint64, typ int) []byte {
	last := fieldNone
	if n > 0 {
		last = fieldData
	}
	dst, last = appendField(dst, last, fieldCPU, intBits(cpu))
	dst, last = appendField(dst, last, fieldLost, lost)
	dst, _ = appendField(dst, last, fieldType, intBits(typ))
	return append(dst, 0)
}

// appendField appends field as its distance from the last one that was written
// and its value. A field that is zero is left out.
func appendField(dst []byte, last, field int, value uint64) (out []byte, newLast int) {
	if value == 0 {
		return dst, last
	}
	dst = append(dst, byte(field-last))
	return appendUint(dst, value), field
}

// fieldSize is the number of bytes that appendField appends.
func fieldSize(value uint64) int {
	if value == 0 {
		return 0
	}
	return 1 + uintSize(value)
}

// intBits maps a signed integer to gob's unsigned form of it: the sign is bit 0.
func intBits(i int) uint64 {
	return uint64(i)<<1 ^ uint64(i>>(bits.UintSize-1))
}

// appendUint appends an unsigned integer as gob writes it: one byte up to 127,
// else the negated number of bytes and the bytes, most significant first.
func appendUint(dst []byte, u uint64) []byte {
	if u < 0x80 {
		return append(dst, byte(u))
	}
	n := uintSize(u) - 1
	dst = append(dst, byte(-n))
	for shift := 8 * (n - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(u>>shift))
	}
	return dst
}

func uintSize(u uint64) int {
	if u < 0x80 {
		return 1
	}
	return 1 + (bits.Len64(u)+7)/8
}
