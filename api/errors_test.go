// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// requireDecodeError checks all that a decode error says.
func requireDecodeError(t *testing.T, err error, sentinel error, want api.DecodeError) {
	t.Helper()
	var got *api.DecodeError
	require.ErrorAs(t, err, &got)
	require.ErrorIs(t, err, sentinel)
	want.Err = got.Err
	require.Equal(t, want, *got)
	require.Contains(t, err.Error(), fmt.Sprintf("decode %s sample, version %d", api.MessageTypeName(want.Type), want.Version))
	require.Contains(t, err.Error(), fmt.Sprintf("got %d bytes", want.Got))
	switch {
	case want.Want == 0:
	case sentinel == api.ErrOversized && want.Type != api.MessageTypeAgent:
		require.Contains(t, err.Error(), fmt.Sprintf("expected %d bytes and up to 7 of padding", want.Want-7))
	default:
		require.Contains(t, err.Error(), fmt.Sprintf("expected %d bytes", want.Want))
	}
}

func TestDecodeTruncated(t *testing.T) {
	for _, l := range layouts {
		t.Run(l.String(), func(t *testing.T) {
			sample := zero(t, l).Append(nil)
			for n := range sample {
				want := api.DecodeError{Type: l.typ, Version: l.version, Want: l.length, Got: n}
				if l.versioned() && n < 16 {
					want.Version, want.Want = 0, 16 // the header says how much more there must be
				}
				msg := l.zero()
				requireDecodeError(t, msg.Decode(sample[:n]), api.ErrTruncated, want)
				require.Equal(t, l.zero(), msg, "unchanged after an error")
			}
		})
	}
}

func TestPacketDataLength(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, l := range layouts {
		if !l.versioned() {
			continue
		}
		t.Run(l.String(), func(t *testing.T) {
			m, packet := random(t, l, rnd)
			msg := m.(packetMessage)
			sample := append(msg.Append(nil), packet...)
			end := len(sample)
			sample = append(sample, make([]byte, 20)...)
			for n := l.length; n < len(sample); n++ {
				require.NoError(t, msg.Decode(sample[:n]))
				data, err := msg.PacketData(sample[:n])
				want := api.DecodeError{Type: l.typ, Version: l.version, Want: end, Got: n}
				switch {
				case n < end:
					requireDecodeError(t, err, api.ErrTruncated, want)
				case n > end+7:
					want.Want = end + 7
					requireDecodeError(t, err, api.ErrOversized, want)
				default:
					require.NoError(t, err)
					require.Equal(t, string(packet), string(data))
				}
			}
		})
	}
}

func TestDecodeOversized(t *testing.T) {
	for _, l := range layouts {
		if l.versioned() {
			continue // their length is that of the packet
		}
		sample := append(zero(t, l).Append(nil), make([]byte, 8)...)
		requireDecodeError(t, l.zero().Decode(sample), api.ErrOversized,
			api.DecodeError{Type: l.typ, Want: l.length + 7, Got: len(sample)})
	}
}

func TestDecodeNewerVersion(t *testing.T) {
	for typ, version := range map[int]uint8{
		api.MessageTypeDrop: 4, api.MessageTypeTrace: 3, api.MessageTypePolicyVerdict: 2, api.MessageTypeCapture: 2,
		api.MessageTypeKernelDrop: 1,
	} {
		for ; version != 0; version++ {
			sample := make([]byte, 128)
			sample[0], sample[14] = byte(typ), version
			var e api.Event
			err := e.Decode(sample)
			requireDecodeError(t, err, api.ErrUnsupportedVersion, api.DecodeError{Type: typ, Version: version, Got: 128})
			require.EqualError(t, err, fmt.Sprintf("decode %s sample, version %d: unsupported version: got 128 bytes",
				api.MessageTypeName(typ), version))
		}
	}
}

// An encoder can make what a decoder refuses.
func TestAppendNewerVersion(t *testing.T) {
	n := api.DropNotify{Type: api.MessageTypeDrop, Version: 9, Flags: 1, IPTraceID: 2}
	sample := n.Append(nil)
	require.Len(t, sample, 48)
	require.Equal(t, 48, n.DataOffset())
	require.ErrorIs(t, n.Decode(sample), api.ErrUnsupportedVersion)
	_, err := n.PacketData(sample)
	require.ErrorIs(t, err, api.ErrUnsupportedVersion)
}

func TestDecodeWrongType(t *testing.T) {
	for _, l := range layouts {
		for typ := range 256 {
			if typ == l.typ {
				continue
			}
			sample := zero(t, l).Append(nil)
			sample[0] = byte(typ)
			requireDecodeError(t, l.zero().Decode(sample), api.ErrWrongType, api.DecodeError{Type: typ, Got: l.length})
		}
	}
}

func TestMessageType(t *testing.T) {
	for typ := range 256 {
		got, err := api.MessageType([]byte{byte(typ), 1, 2})
		require.Equal(t, typ, got)
		if slices.Contains(api.MessageTypeNames(), api.MessageTypeName(typ)) {
			require.NoError(t, err)
		} else {
			requireDecodeError(t, err, api.ErrUnknownType, api.DecodeError{Type: typ, Got: 3})
		}
	}
	_, err := api.MessageType(nil)
	requireDecodeError(t, err, api.ErrTruncated, api.DecodeError{Want: 1})
}
