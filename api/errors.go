// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"fmt"
)

// What can be wrong with a sample. Every error of a Decode or PacketData method is
// a [*DecodeError] that wraps one of them.
var (
	// ErrTruncated: the sample ends before the event does.
	ErrTruncated = errors.New("truncated")

	// ErrOversized: more bytes follow the event than the kernel's padding explains.
	ErrOversized = errors.New("oversized")

	// ErrUnknownType: no message type has this number or name.
	ErrUnknownType = errors.New("unknown message type")

	// ErrWrongType: the sample is of another message type than the struct.
	ErrWrongType = errors.New("wrong message type")

	// ErrUnsupportedVersion: the sample has a newer version than this package
	// knows the layout of.
	ErrUnsupportedVersion = errors.New("unsupported version")

	// ErrUnknownExtension: nobody told [RegisterExtension] the length of this
	// extension.
	ErrUnknownExtension = errors.New("unknown extension version")

	// ErrMalformed: the gob stream of a user space event does not decode.
	ErrMalformed = errors.New("malformed")
)

// ErrRegistered: the number or the name is registered already, or built in and not to be
// changed. See [RegisterMessageType], [RegisterDropReason] and [RegisterSourceFile].
var ErrRegistered = errors.New("already registered")

// DecodeError says what is wrong with which sample.
type DecodeError struct {
	// Type is the message type that was to be decoded, or that the sample has
	// where that is the error.
	Type int

	// Version and ExtVersion are those of the sample, 0 where it has none.
	Version, ExtVersion uint8

	// Want is the length in bytes that the sample should have: at least, when
	// truncated, and at most, with the padding of the datapath's types, when oversized.
	// 0 where the error is not its length.
	Want int

	// Got is the length in bytes that the sample has.
	Got int

	// Err is one of the Err values of this package, or wraps one.
	Err error
}

// Error implements error.
func (e *DecodeError) Error() string {
	extension, expected := "", ""
	if e.ExtVersion != 0 {
		extension = fmt.Sprintf(", extension version %d", e.ExtVersion)
	}
	switch {
	case e.Want == 0:
	case errors.Is(e.Err, ErrOversized) && e.Type < MessageTypeAccessLog:
		expected = fmt.Sprintf("expected %d bytes and up to %d of padding, ", e.Want-maxPadding, maxPadding)
	default:
		expected = fmt.Sprintf("expected %d bytes, ", e.Want)
	}
	return fmt.Sprintf("decode %s sample, version %d%s: %v: %sgot %d bytes",
		MessageTypeName(e.Type), e.Version, extension, e.Err, expected, e.Got)
}

// Unwrap returns e.Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// wrongType is ErrWrongType for a sample that was to be of type want.
func wrongType(want int) error {
	return fmt.Errorf("%w: expected %s", ErrWrongType, MessageTypeName(want))
}
