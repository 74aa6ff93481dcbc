// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// random returns a struct with random values in all fields that the layout has, and a
// random packet as long as CapLen says.
func random(t testing.TB, l layout, rnd *rand.Rand) (msg message, packet []byte) {
	msg = zero(t, l)
	v := reflect.ValueOf(msg).Elem()
	for _, f := range l.fields {
		if f.name == "Type" || f.name == "Version" || f.name == "ExtVersion" {
			continue
		}
		switch v := v.FieldByName(f.name); v.Kind() {
		case reflect.Int8, reflect.Int32:
			v.SetInt(int64(int32(rnd.Uint32())) >> (32 - v.Type().Bits()))
		case reflect.String:
			v.SetString(strings.Repeat("x", rnd.IntN(17)))
		case reflect.Array:
			for i := range v.Len() {
				v.Index(i).SetUint(uint64(rnd.Uint32() & 0xff))
			}
		default:
			v.SetUint(rnd.Uint64() >> (64 - v.Type().Bits()))
		}
	}
	if c := v.FieldByName("CapLen"); c.IsValid() {
		c.SetUint(rnd.Uint64N(300))
		packet = randomBytes(rnd, int(c.Uint()))
	}
	return msg, packet
}

func randomBytes(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// What Append wrote, Decode and PacketData give back, with 0 to 7 bytes of garbage after it.
func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, l := range layouts {
		t.Run(l.String(), func(t *testing.T) {
			for i := range 500 {
				msg, packet := random(t, l, rnd)
				prefix := randomBytes(rnd, i%5)
				used := append(prefix, randomBytes(rnd, 100)...)[:len(prefix)] // as a buffer that is used again
				sample := msg.Append(used)
				require.Equal(t, msg.Append(nil), sample[len(prefix):])
				sample = append(sample, packet...)
				require.Equal(t, prefix, sample[:len(prefix)])
				sample = append(sample[len(prefix):], randomBytes(rnd, i%8)...)

				got := l.zero()
				require.NoError(t, got.Decode(sample))
				require.Equal(t, msg, got)
				if p, ok := got.(packetMessage); ok {
					data, err := p.PacketData(sample)
					require.NoError(t, err)
					require.Equal(t, len(packet), cap(data), "an append to the packet must not write to the sample")
					require.Equal(t, string(packet), string(data))
				}
			}
		})
	}
}
