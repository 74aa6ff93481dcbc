// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"bytes"
	"encoding/gob"
	"testing"

	"github.com/stretchr/testify/require"
)

type Payload struct {
	Data []byte
	CPU  int
	Lost uint64
	Type int
}

func stream(t testing.TB, payloads ...Payload) []byte {
	var buf bytes.Buffer
	enc := gob.NewEncoder(&buf)
	for _, p := range payloads {
		require.NoError(t, enc.Encode(p))
	}
	return buf.Bytes()
}

var mixed = []Payload{
	{Data: make([]byte, 176), Type: 9},
	{Data: make([]byte, 70000), CPU: 1, Type: 9},
	{Lost: 5, Type: 2},
	{CPU: 3, Lost: 1000, Type: 2},
	{CPU: -1, Lost: 70000, Type: 2},
	{Data: []byte{130}, Type: 9},
}

func TestCountWhereverTheStreamIsCut(t *testing.T) {
	whole := stream(t, mixed...)
	want := Counts{Delivered: 3, LostKernel: 1005, LostQueue: 70000}
	for cut := 0; cut <= len(whole); cut += 1 + cut/100 {
		var got Counts
		done, err := count(whole[:cut], &got)
		require.NoError(t, err)
		rest, err := count(whole[done:], &got)
		require.NoError(t, err)
		require.Equal(t, len(whole), done+rest)
		require.Equal(t, want, got, "cut at %d", cut)
	}
}

func TestCountRefusesWhatIsNoPayload(t *testing.T) {
	_, err := count(stream(t, Payload{CPU: 1, Type: 9}), new(Counts))
	require.Error(t, err)
}

func FuzzCount(f *testing.F) {
	for _, p := range mixed {
		p.Data = p.Data[:min(len(p.Data), 200)] // long seeds make for slow fuzzing
		f.Add(stream(f, p, p))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Counts
		done, err := count(data, &c)
		require.LessOrEqual(t, done, len(data))
		if err != nil {
			return
		}
		// What is left over is the start of a message, and counts for nothing.
		var again Counts
		rest, err := count(data[done:], &again)
		require.NoError(t, err)
		require.Zero(t, rest)
		require.Zero(t, again)
	})
}
