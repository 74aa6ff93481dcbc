// SPDX-License-Identifier: Apache-2.0

package api

import (
	"encoding/binary"
	"slices"
)

// CaptureHeader is the header that drop, trace, policy-verdict and capture samples begin
// with. Samples of your own datapath may, too.
type CaptureHeader struct {
	Type       uint8
	SubType    uint8  // of a meaning that Type decides
	Source     uint16 // local endpoint id
	Hash       uint32
	OrigLen    uint32 // length of the packet in bytes
	CapLen     uint16 // captured bytes of it
	Version    uint8
	ExtVersion uint8 // see [RegisterExtension]
}

// CaptureHeaderLen is the length of a CaptureHeader in bytes.
const CaptureHeaderLen = 16

// Offsets in a CaptureHeader; debug samples begin with the first two of its fields.
const (
	offSource     = 2
	offHash       = 4
	offOrigLen    = 8
	offCapLen     = 12
	offVersion    = 14
	offExtVersion = 15
)

// Decode sets h from a sample of any message type. The error is [ErrTruncated]; h is
// unchanged then.
func (h *CaptureHeader) Decode(sample []byte) error {
	if len(sample) < CaptureHeaderLen {
		typ := MessageTypeUnspec
		if len(sample) > 0 {
			typ = int(sample[0])
		}
		return &DecodeError{Type: typ, Want: CaptureHeaderLen, Got: len(sample), Err: ErrTruncated}
	}
	getHeader(sample, &h.Type, &h.SubType, &h.Source, &h.Hash, &h.OrigLen, &h.CapLen, &h.Version, &h.ExtVersion)
	return nil
}

// Append appends the 16 bytes of h to dst.
func (h *CaptureHeader) Append(dst []byte) []byte {
	dst, b := appendZeros(dst, CaptureHeaderLen)
	putHeader(b, h.Type, h.SubType, h.Source, h.Hash, h.OrigLen, h.CapLen, h.Version, h.ExtVersion)
	return dst
}

// getHeader reads the common header of a sample that is as long. It is inlined: its fields go
// where they belong without a copy between.
func getHeader(b []byte, typ, subType *uint8, source *uint16, hash, origLen *uint32, capLen *uint16, version, extVersion *uint8) {
	*typ = b[0]
	*subType = b[1]
	*source = binary.NativeEndian.Uint16(b[offSource:])
	*hash = binary.NativeEndian.Uint32(b[offHash:])
	*origLen = binary.NativeEndian.Uint32(b[offOrigLen:])
	*capLen = binary.NativeEndian.Uint16(b[offCapLen:])
	*version = b[offVersion]
	*extVersion = b[offExtVersion]
}

// putHeader writes the common header.
func putHeader(b []byte, typ, subType uint8, source uint16, hash, origLen uint32, capLen uint16, version, extVersion uint8) {
	b[0] = typ
	b[1] = subType
	binary.NativeEndian.PutUint16(b[offSource:], source)
	binary.NativeEndian.PutUint32(b[offHash:], hash)
	binary.NativeEndian.PutUint32(b[offOrigLen:], origLen)
	binary.NativeEndian.PutUint16(b[offCapLen:], capLen)
	b[offVersion] = version
	b[offExtVersion] = extVersion
}

// maxPadding is the most garbage that can follow an event: perf records have a
// size of a multiple of 8 bytes.
const maxPadding = 7

// layout is what the bytes of a message type look like.
type layout struct {
	typ int

	// lengths has the length in bytes of the fields for each version.
	lengths []int
}

// offset returns where the packet data of a sample begins.
func (l *layout) offset(version, extVersion uint8) (int, error) {
	if int(version) >= len(l.lengths) {
		return 0, ErrUnsupportedVersion
	}
	ext, ok := extensionLen(l.typ, extVersion)
	if !ok {
		return 0, ErrUnknownExtension
	}
	return l.lengths[version] + ext, nil
}

// encodedLen is offset for encoders: a version or extension that is not known gets the
// newest layout that is, so that tests can make samples that decoders refuse.
func (l *layout) encodedLen(version, extVersion uint8) int {
	n := l.lengths[min(int(version), len(l.lengths)-1)]
	if ext, ok := extensionLen(l.typ, extVersion); ok {
		n += ext
	}
	return n
}

// check returns an error unless all fields, up to the packet data, are in sample.
func (l *layout) check(sample []byte) error {
	if len(sample) == 0 {
		return &DecodeError{Type: l.typ, Want: CaptureHeaderLen, Err: ErrTruncated}
	}
	if int(sample[0]) != l.typ {
		return &DecodeError{Type: int(sample[0]), Got: len(sample), Err: wrongType(l.typ)}
	}
	if len(sample) < CaptureHeaderLen {
		return &DecodeError{Type: l.typ, Want: CaptureHeaderLen, Got: len(sample), Err: ErrTruncated}
	}
	version, extVersion := sample[offVersion], sample[offExtVersion]
	off, err := l.offset(version, extVersion)
	if err == nil && len(sample) < off {
		err = ErrTruncated
	}
	if err != nil {
		return &DecodeError{Type: l.typ, Version: version, ExtVersion: extVersion, Want: off, Got: len(sample), Err: err}
	}
	return nil
}

// packetData returns the capLen bytes after the fields.
func (l *layout) packetData(sample []byte, version, extVersion uint8, capLen uint16) ([]byte, error) {
	off, err := l.offset(version, extVersion)
	if err != nil {
		return nil, &DecodeError{Type: l.typ, Version: version, ExtVersion: extVersion, Got: len(sample), Err: err}
	}
	end := off + int(capLen)
	if len(sample) < end {
		return nil, &DecodeError{Type: l.typ, Version: version, ExtVersion: extVersion, Want: end, Got: len(sample), Err: ErrTruncated}
	}
	if len(sample) > end+maxPadding {
		return nil, &DecodeError{Type: l.typ, Version: version, ExtVersion: extVersion, Want: end + maxPadding, Got: len(sample), Err: ErrOversized}
	}
	return sample[off:end:end], nil
}

// checkFixed returns an error unless sample is of the type, which has neither versions
// nor packet data, and as long as its fields and padding.
func checkFixed(sample []byte, typ, length int) error {
	switch {
	case len(sample) > 0 && int(sample[0]) != typ:
		return &DecodeError{Type: int(sample[0]), Got: len(sample), Err: wrongType(typ)}
	case len(sample) < length:
		return &DecodeError{Type: typ, Want: length, Got: len(sample), Err: ErrTruncated}
	case len(sample) > length+maxPadding:
		return &DecodeError{Type: typ, Want: length + maxPadding, Got: len(sample), Err: ErrOversized}
	}
	return nil
}

// appendZeros appends n zero bytes to dst and returns it and the appended bytes.
func appendZeros(dst []byte, n int) (all, added []byte) {
	all = slices.Grow(dst, n)[:len(dst)+n]
	added = all[len(dst):]
	clear(added)
	return all, added
}
