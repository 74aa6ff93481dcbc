// SPDX-License-Identifier: Apache-2.0

package payload

import (
	"slices"

	"github.com/cilium/monitor/api/internal/gobwire"
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
const MaxOverhead = gobwire.MaxUint + 2 + 4*(1+gobwire.MaxUint) + 1

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
	size := gobwire.UintSize(gobwire.IntBits(-id)) + len(head) + gobwire.UintSize(gobwire.IntBits(id)) + len(tail)
	dst = gobwire.AppendUint(dst, uint64(size))
	dst = gobwire.AppendUint(dst, gobwire.IntBits(-id)) // a negative id announces a definition
	dst = append(dst, head...)
	dst = gobwire.AppendUint(dst, gobwire.IntBits(id))
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
	size := gobwire.UintSize(gobwire.IntBits(typeID)) +
		fieldSize(uint64(n)) + n +
		1 + gobwire.UintSize(gobwire.IntBits(cpu)) + fieldSize(lost) + fieldSize(gobwire.IntBits(typ)) + 1
	dst = gobwire.AppendUint(dst, uint64(size))
	dst = gobwire.AppendUint(dst, gobwire.IntBits(typeID))
	dst, _ = appendField(dst, fieldNone, fieldData, uint64(n))
	return dst
}

func appendAfterData(dst []byte, n, cpu int, lost uint64, typ int) []byte {
	last := fieldNone
	if n > 0 {
		last = fieldData
	}
	// CPU 0 is written: a client that decodes into one struct again and again would see the
	// CPU of the payload before.
	dst = append(dst, byte(fieldCPU-last))
	dst = gobwire.AppendUint(dst, gobwire.IntBits(cpu))
	dst, last = appendField(dst, fieldCPU, fieldLost, lost)
	dst, _ = appendField(dst, last, fieldType, gobwire.IntBits(typ))
	return append(dst, 0)
}

// appendField appends field as its distance from the last one that was written
// and its value. A field that is zero is left out, as encoding/gob does.
func appendField(dst []byte, last, field int, value uint64) (out []byte, newLast int) {
	if value == 0 {
		return dst, last
	}
	dst = append(dst, byte(field-last))
	return gobwire.AppendUint(dst, value), field
}

// fieldSize is the number of bytes that appendField appends.
func fieldSize(value uint64) int {
	if value == 0 {
		return 0
	}
	return 1 + gobwire.UintSize(value)
}
