// SPDX-License-Identifier: Apache-2.0

// Package gobwire writes and reads the pieces that a stream of encoding/gob is made of.
// What they are is told in the documentation of encoding/gob, "Encoding Details".
package gobwire

import "math/bits"

// MaxUint is the size in bytes of the longest unsigned integer.
const MaxUint = 9

// AppendUint appends an unsigned integer: one byte up to 127, else the negated number
// of bytes and the bytes, most significant first.
func AppendUint(dst []byte, u uint64) []byte {
	if u < 0x80 {
		return append(dst, byte(u))
	}
	n := UintSize(u) - 1
	dst = append(dst, byte(-n))
	for shift := 8 * (n - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(u>>shift))
	}
	return dst
}

// UintSize returns how many bytes AppendUint appends.
func UintSize(u uint64) int {
	if u < 0x80 {
		return 1
	}
	return 1 + (bits.Len64(u)+7)/8
}

// IntBits maps a signed integer to the unsigned one that stands for it: bit 0 tells whether
// the others are complemented.
func IntBits(i int) uint64 {
	return uint64(i)<<1 ^ uint64(i>>63)
}

// More returns how many bytes of an integer follow its first one, and false if that is more
// than there can be.
func More(first byte) (n int, ok bool) {
	if first < 0x80 {
		return 0, true
	}
	n = -int(int8(first))
	return n, n <= MaxUint-1
}

// Uint returns the integer of the given first byte and the bytes that follow it.
func Uint(first byte, more []byte) (u uint64) {
	if len(more) == 0 {
		return uint64(first)
	}
	for _, c := range more {
		u = u<<8 | uint64(c)
	}
	return u
}

// Reader reads pieces one after the other. After the first one that is not there, Failed is
// set and it reads zeros.
type Reader struct {
	Rest   []byte // what has not been read
	Failed bool
}

// Uint reads an unsigned integer.
func (r *Reader) Uint() uint64 {
	first := r.Bytes(1)
	if len(first) == 0 {
		return 0
	}
	n, ok := More(first[0])
	if !ok {
		r.fail()
		return 0
	}
	more := r.Bytes(uint64(n))
	if r.Failed {
		return 0
	}
	return Uint(first[0], more)
}

// Int reads a signed integer.
func (r *Reader) Int() int {
	u := r.Uint()
	if u&1 != 0 {
		return int(^(u >> 1))
	}
	return int(u >> 1)
}

// Bytes reads n bytes. They are part of Rest, not a copy.
func (r *Reader) Bytes(n uint64) []byte {
	if n > uint64(len(r.Rest)) {
		r.fail()
		return nil
	}
	b := r.Rest[:n:n]
	r.Rest = r.Rest[n:]
	return b
}

// Literal reads the bytes of s.
func (r *Reader) Literal(s string) {
	if string(r.Bytes(uint64(len(s)))) != s {
		r.fail()
	}
}

func (r *Reader) fail() { r.Failed, r.Rest = true, nil }
