// SPDX-License-Identifier: Apache-2.0

package gobwire_test

import (
	"math"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/api/internal/gobwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestIntegers pins the examples of encoding/gob's documentation, and reads back what is
// written.
func TestIntegers(t *testing.T) {
	require.Equal(t, []byte{7}, gobwire.AppendUint(nil, 7))
	require.Equal(t, []byte{0xfe, 1, 0}, gobwire.AppendUint(nil, 256))
	require.Equal(t, []byte{0xff, 0x81}, gobwire.AppendUint(nil, gobwire.IntBits(-65)))

	roundTrip := func(u uint64, shift uint8, i int) bool {
		u >>= shift % 64
		b := gobwire.AppendUint(nil, u)
		size := len(b)
		b = gobwire.AppendUint(b, gobwire.IntBits(i))
		r := gobwire.Reader{Rest: b}
		return size == gobwire.UintSize(u) && size <= gobwire.MaxUint && r.Uint() == u && r.Int() == i && !r.Failed && len(r.Rest) == 0
	}
	require.NoError(t, quick.Check(roundTrip, &quick.Config{MaxCount: 5000}))
	for _, i := range []int{0, -1, math.MaxInt, math.MinInt} {
		require.True(t, roundTrip(math.MaxUint64, 0, i))
	}
	for bit := range 64 { // where another byte begins
		for _, u := range []uint64{1<<bit - 1, 1 << bit, 1<<bit + 1} {
			require.True(t, roundTrip(u, 0, int(u)), "%d", u)
		}
	}
}

// TestReaderFails checks that a reader which failed stays so.
func TestReaderFails(t *testing.T) {
	for name, read := range map[string]func(*gobwire.Reader){
		"integer of 9 bytes": func(r *gobwire.Reader) { r.Uint() },
		"too many bytes":     func(r *gobwire.Reader) { r.Bytes(20) },
		"another literal":    func(r *gobwire.Reader) { r.Literal("gob") },
	} {
		r := gobwire.Reader{Rest: []byte{0xf7, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
		read(&r)
		require.True(t, r.Failed, name)
		require.Zero(t, r.Uint(), name)
		require.Empty(t, r.Bytes(1), name)
	}
	for first := 0x80; first < 0xf8; first++ {
		_, ok := gobwire.More(byte(first))
		require.False(t, ok, "%#x stands for more than 8 bytes", first)
	}
	long := gobwire.Reader{Rest: []byte{0x80, 1, 2, 3}}
	require.Zero(t, long.Uint())
	require.True(t, long.Failed)
	cut := gobwire.Reader{Rest: []byte{0xfe, 1}}
	require.Zero(t, cut.Uint())
	require.True(t, cut.Failed)
}
