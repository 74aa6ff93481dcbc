// SPDX-License-Identifier: Apache-2.0

package gobwire_test

import (
	"bytes"
	"encoding/gob"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/internal/gobwire"
)

// Type ids of encoding/gob, as it writes them.
const (
	gobInt   = 2 << 1
	gobUint  = 3 << 1
	gobBytes = 5 << 1
)

// FuzzIntegers writes integers, and reads them back. encoding/gob writes the same.
func FuzzIntegers(f *testing.F) {
	for _, u := range []uint64{0, 1, 127, 128, 255, 256, 1 << 31, 1<<56 - 1, 1 << 56, math.MaxInt64, 1 << 63, math.MaxUint64} {
		f.Add(u)
	}
	f.Fuzz(func(t *testing.T, u uint64) {
		i := int(u)
		for typ, test := range map[byte]struct {
			value any
			bits  uint64
		}{gobUint: {u, u}, gobInt: {i, gobwire.IntBits(i)}} {
			written := gobwire.AppendUint([]byte("before"), test.bits)[len("before"):]
			require.Len(t, written, gobwire.UintSize(test.bits))
			require.LessOrEqual(t, len(written), gobwire.MaxUint)
			var stream bytes.Buffer
			require.NoError(t, gob.NewEncoder(&stream).Encode(test.value))
			require.Equal(t, gobMessage(typ, written), stream.Bytes())

			r := gobwire.Reader{Rest: append(written, 7)}
			if typ == gobUint {
				require.Equal(t, u, r.Uint())
			} else {
				require.Equal(t, i, r.Int())
			}
			require.False(t, r.Failed)
			require.Equal(t, []byte{7}, r.Rest)
		}
	})
}

// FuzzReader reads pieces of any bytes, and has encoding/gob read the same ones. The kinds of the
// pieces are those of the letters: an unsigned integer, a signed one, bytes with their length, or a
// literal.
func FuzzReader(f *testing.F) {
	f.Add("uiui", []byte{0x7f, 0x80, 0xfe, 1, 0, 0xff, 0x81})
	f.Add("uiui", []byte{0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf7})
	f.Add("bbub", []byte{3, 'a', 'b', 'c', 0, 0xfe, 0, 7, 9})
	f.Add("blu", []byte("\x00gob\x07"))
	f.Add("u", []byte{0xf7, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add("b", []byte{0xf8, 0x80, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, kinds string, input []byte) {
		const literal = "gob"
		before := bytes.Clone(input)
		r := gobwire.Reader{Rest: input}
		for _, kind := range kinds {
			rest, failed := r.Rest, r.Failed
			ok := false
			// ask returns what encoding/gob makes of what was read, or of everything if that failed.
			ask := func(typ byte, value any) {
				err := gob.NewDecoder(bytes.NewReader(gobMessage(typ, rest[:len(rest)-len(r.Rest)]))).Decode(value)
				ok = err == nil
			}
			switch kind {
			case 'u':
				var want uint64
				got := r.Uint()
				ask(gobUint, &want)
				require.Equal(t, want, got)
			case 'i':
				var want int
				got := r.Int()
				ask(gobInt, &want)
				require.Equal(t, want, got)
			case 'b':
				var want []byte
				got := r.Bytes(r.Uint())
				ask(gobBytes, &want)
				require.Equal(t, string(want), string(got))
				require.Equal(t, len(got), cap(got), "an append must not overwrite what follows")
			default:
				r.Literal(literal)
				ok = !failed && bytes.HasPrefix(rest, []byte(literal))
			}
			require.Equal(t, ok && !failed, !r.Failed, "%c of %x", kind, rest)
			if r.Failed {
				require.Empty(t, r.Rest)
			}
			require.True(t, bytes.HasSuffix(input, r.Rest))
		}
		require.Equal(t, before, input, "a reader does not write")
	})
}

// gobMessage returns the message of encoding/gob with a value that is not a struct.
func gobMessage(typ byte, value []byte) []byte {
	msg := append([]byte{typ, 0}, value...)
	return append(gobwire.AppendUint(nil, uint64(len(msg))), msg...)
}
