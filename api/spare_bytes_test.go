// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// What a decoder that knows nothing of marks and interfaces reads, must be what it was without them.

const (
	traceFlags  = 27
	traceOrigIP = 32
)

// markOf returns the bytes of a mark in a trace, from the original IPv4 address on.
func markOf(mark, ipv6 uint32) []byte {
	b := make([]byte, 4, 16)
	b = binary.NativeEndian.AppendUint32(b, mark)
	b = binary.NativeEndian.AppendUint32(b, ipv6)
	return append(b, "mark"...)
}

func TestTraceMark(t *testing.T) {
	for _, version := range []uint8{1, 2} {
		for _, tc := range []struct {
			name            string
			flags, onWire   uint8
			origIP          [16]byte
			origIPv4, extra []byte
		}{
			{name: "IPv4", extra: markOf(0xca6c, 0)},
			{name: "translated", origIP: [16]byte{10, 0, 0, 1}, origIPv4: []byte{10, 0, 0, 1}, extra: markOf(0xca6c, 0)},
			{name: "IPv4, L3", flags: api.FlagL3Device, onWire: api.FlagL3Device, extra: markOf(0xca6c, 0)},
			{name: "tunnel", flags: api.FlagVXLAN, onWire: api.FlagVXLAN, extra: markOf(0xca6c, 0)},
			{name: "IPv6", flags: api.FlagIPv6 | api.FlagGeneve, onWire: api.FlagGeneve, extra: markOf(0xca6c, 1)},
		} {
			t.Run(tc.name, func(t *testing.T) {
				plain := api.TraceNotify{Type: api.MessageTypeTrace, Version: version, Flags: tc.flags, OrigIP: tc.origIP, IPTraceID: 7}
				if version < 2 {
					plain.IPTraceID = 0
				}
				marked := plain
				marked.Mark = 0xca6c

				want := plain.Append(nil)
				want[traceFlags] = tc.onWire
				copy(want[traceOrigIP:], tc.extra)
				copy(want[traceOrigIP:], tc.origIPv4)
				sample := marked.Append(nil)
				require.Equal(t, want, sample)

				var got api.TraceNotify
				require.NoError(t, got.Decode(sample))
				require.Equal(t, marked, got)
				require.Equal(t, plain.OriginalIP(), got.OriginalIP())
			})
		}
	}
}

// TestTraceMarkWithoutRoom leaves out a mark rather than what clients know.
func TestTraceMarkWithoutRoom(t *testing.T) {
	for name, plain := range map[string]api.TraceNotify{
		"version 0":      {Flags: 0},
		"IPv6, L3":       {Version: 2, Flags: api.FlagIPv6 | api.FlagL3Device},
		"IPv6, original": {Version: 1, Flags: api.FlagIPv6, OrigIP: [16]byte{0xfd, 15: 1}},
	} {
		plain.Type = api.MessageTypeTrace
		marked := plain
		marked.Mark = 1
		require.Equal(t, plain.Append(nil), marked.Append(nil), name)
	}
}

// TestNoTraceMark decodes traces that have almost a mark, as they always were.
func TestNoTraceMark(t *testing.T) {
	for name, change := range map[string]func(sample []byte){
		"no mark":                     func(s []byte) { clear(s[traceOrigIP+4 : traceOrigIP+8]) },
		"neither IPv4 nor IPv6":       func(s []byte) { s[traceOrigIP+8], s[traceOrigIP+9] = 2, 2 },
		"an address of IPv6":          func(s []byte) { s[traceFlags] = api.FlagIPv6 },
		"IPv6 without Ethernet":       func(s []byte) { s[traceFlags] = api.FlagL3Device },
		"IPv6 and an address of IPv4": func(s []byte) { s[traceOrigIP] = 10 },
		"another word":                func(s []byte) { s[traceOrigIP+15]++ },
	} {
		t.Run(name, func(t *testing.T) {
			sample := (&api.TraceNotify{Type: api.MessageTypeTrace, Version: 1, Flags: api.FlagIPv6, Mark: 1}).Append(nil)
			change(sample)
			var got api.TraceNotify
			require.NoError(t, got.Decode(sample))
			require.Zero(t, got.Mark)
			require.Equal(t, sample[traceFlags], got.Flags)
			require.Equal(t, sample[traceOrigIP:], got.OrigIP[:])
			require.Equal(t, sample, got.Append(nil))
		})
	}
}

func TestPolicyVerdictInterface(t *testing.T) {
	plain := api.PolicyVerdictNotify{Type: api.MessageTypePolicyVerdict, Version: 1, AuthType: 1, Cookie: 7}
	with := plain
	with.Ifindex = 0x01020304
	want := plain.Append(nil)
	copy(want[29:], "ifx")
	binary.NativeEndian.PutUint32(want[36:], 0x01020304)
	sample := with.Append(nil)
	require.Equal(t, want, sample)

	var got api.PolicyVerdictNotify
	require.NoError(t, got.Decode(sample))
	require.Equal(t, with, got)

	other := slices.Clone(sample)
	other[31]++
	require.NoError(t, got.Decode(other))
	require.Equal(t, plain, got, "padding of another datapath")
}
