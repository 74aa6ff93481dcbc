// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// TestPacketsOfOwnTypes has packets anywhere in a sample: all of it, none of it at its end, and beyond.
func TestPacketsOfOwnTypes(t *testing.T) {
	var offset, capLen int
	var origLen uint32
	var got error
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(s *format.Sample) error { got = s.SetPacket(offset, capLen, origLen); return nil },
		Line:   func(*format.Line, *format.Sample) {},
		JSON:   func(*format.Object, *format.Sample) {},
	})
	require.NoError(t, err)
	defer unregister()
	data := []byte{101, 1, 2, 3, 4, 5, 6, 7}
	for _, c := range []struct {
		offset, capLen int
		origLen        uint32
		packet         []byte
		wantLen        uint32
		err            error
	}{
		{0, 8, 0, data, 8, nil},
		{1, 7, 9, data[1:], 9, nil},
		{7, 1, 0, data[7:], 1, nil},
		{8, 0, 0, nil, 0, nil},
		{8, 0, 9, nil, 9, nil},
		{8, 1, 9, nil, 0, api.ErrTruncated},
		{9, 0, 9, nil, 0, api.ErrTruncated},
		{0, 9, 9, nil, 0, api.ErrTruncated},
		{-1, 1, 9, nil, 0, api.ErrMalformed},
		{1, -1, 9, nil, 0, api.ErrMalformed},
	} {
		offset, capLen, origLen = c.offset, c.capLen, c.origLen
		ev := format.NewEvent(interfaceName)
		ev.Decode(sample(data))
		packet, n := ev.Packet()
		require.ErrorIs(t, got, c.err)
		require.Equal(t, c.packet, packet, c)
		require.Equal(t, c.wantLen, n, c)
	}
}

// TestTypesThatLackSomething are refused, whichever function it is.
func TestTypesThatLackSomething(t *testing.T) {
	_, err := format.RegisterType(nil)
	require.Error(t, err)
	for _, lacks := range []func(typ *format.Type){
		func(typ *format.Type) { typ.Decode = nil },
		func(typ *format.Type) { typ.Line = nil },
		func(typ *format.Type) { typ.JSON = nil },
	} {
		typ := &format.Type{
			Number: 101, Name: "own",
			Decode: func(*format.Sample) error { return nil },
			Line:   func(*format.Line, *format.Sample) {},
			JSON:   func(*format.Object, *format.Sample) {},
		}
		lacks(typ)
		_, err := format.RegisterType(typ)
		require.ErrorContains(t, err, "it has no Decode, Line or JSON function")
	}
}
