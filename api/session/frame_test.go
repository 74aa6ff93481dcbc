// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
)

// frame is one as a reader has it.
type frame struct {
	kind session.Kind
	body string
}

// readAll reads frames until there is an error.
func readAll(r io.Reader) (frames []frame, err error) {
	reader := session.NewReader(r)
	for {
		kind, body, err := reader.Next()
		if err != nil {
			return frames, err
		}
		frames = append(frames, frame{kind, string(body)})
	}
}

// appendFrame appends a frame of any kind.
func appendFrame(dst []byte, kind session.Kind, body string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(body)))
	dst = append(dst, byte(kind), 1, 2, 3) // which readers don't look at
	return append(dst, body...)
}

// TestGolden pins the bytes on the wire.
func TestGolden(t *testing.T) {
	const at = 0x0102030405060708
	for name, c := range map[string]struct {
		frame []byte
		wire  string
	}{
		"event":        {session.AppendEvent(nil, at, 3, []byte{4, 10, 7}), "13000000 04 000000 0807060504030201 03000000 03000000 040a07"},
		"before 1970":  {session.AppendEvent(nil, -2, 0, nil), "10000000 04 000000 feffffffffffffff 00000000 00000000"},
		"loss":         {session.AppendLoss(nil, session.Loss{Time: at, Count: 300, CPU: 2, Cause: session.LostInKernel}), "18000000 05 000000 0807060504030201 2c01000000000000 02000000 01 00 00 00"},
		"other loss":   {session.AppendLoss(nil, session.Loss{CPU: -1, Cause: session.LostByRateLimit, Type: 4, AtLeast: true}), "18000000 05 000000 0000000000000000 0000000000000000 ffffffff 03 04 01 00"},
		"live":         {session.AppendLive(nil), "00000000 07 000000"},
		"end":          {session.AppendEnd(nil), "00000000 08 000000"},
		"request":      {appended(session.AppendRequest(nil, &session.Request{})), "11000000 01 000000 " + hex.EncodeToString([]byte(`{"version":"1.3"}`))},
		"refusal":      {appended(session.AppendRefusal(nil, &session.Refusal{Code: "c", Text: "t"})), "17000000 06 000000 " + hex.EncodeToString([]byte(`{"code":"c","text":"t"}`))},
		"behind other": {session.AppendEnd([]byte{1}), "01 00000000 08 000000"},
	} {
		require.Equal(t, strings.ReplaceAll(c.wire, " ", ""), hex.EncodeToString(c.frame), name)
	}
}

// appended is for frames that can't fail.
func appended(frame []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return frame
}

// TestReader reads frames of all sizes, from readers that return bytes as they like.
func TestReader(t *testing.T) {
	var stream []byte
	var want []frame
	for i, size := range []int{0, 1, 65535, 65536, 65537, 200_000, 3, 100_000, 0, 65536} {
		f := frame{session.Kind(i + 100), strings.Repeat(string(rune('a'+i)), size)}
		stream = appendFrame(stream, f.kind, f.body)
		want = append(want, f)
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(stream),
		"bytes": iotest.OneByteReader(bytes.NewReader(stream)),
		"half":  iotest.HalfReader(bytes.NewReader(stream)),
	} {
		got, err := readAll(r)
		require.Equal(t, io.EOF, err, name)
		require.Equal(t, want, got, name)
	}
}

// TestReaderCut ends the stream, or has the reader fail, at each byte.
func TestReaderCut(t *testing.T) {
	stream := session.AppendEnd(session.AppendEvent(nil, 1, 2, []byte("abc")))
	first := len(stream) - len(session.AppendEnd(nil))
	broken := errors.New("broken pipe")
	for n := range stream {
		want := io.ErrUnexpectedEOF
		if n == 0 || n == first {
			want = io.EOF
		}
		_, err := readAll(bytes.NewReader(stream[:n]))
		require.Equal(t, want, err, "after %d bytes", n)
		_, err = readAll(io.MultiReader(bytes.NewReader(stream[:n]), iotest.ErrReader(broken)))
		require.Equal(t, broken, err, "after %d bytes", n)
	}
	large := appendFrame(nil, session.KindEvent, strings.Repeat("x", 100_000))
	_, err := readAll(bytes.NewReader(large[:70_000]))
	require.Equal(t, io.ErrUnexpectedEOF, err)
}

// TestReaderBound reads the largest body, and no larger one.
func TestReaderBound(t *testing.T) {
	stream := session.AppendEvent(nil, 1, 2, make([]byte, session.MaxDataSize))
	got, err := readAll(bytes.NewReader(stream))
	require.Equal(t, io.EOF, err)
	require.Len(t, got[0].body, session.MaxBodySize)

	binary.LittleEndian.PutUint32(stream, session.MaxBodySize+1)
	_, err = readAll(bytes.NewReader(append(stream, 0)))
	require.ErrorIs(t, err, session.ErrCorrupt)
	require.ErrorContains(t, err, "a body of 16777217 bytes")
}

// TestEvent decodes what was encoded, also if a newer version has further fields.
func TestEvent(t *testing.T) {
	for _, want := range []session.Event{
		{Time: 1782907200123456789, CPU: 3, Data: []byte("abc")},
		{Time: math.MinInt64, CPU: -1, Data: []byte{}},
		{Time: math.MaxInt64, CPU: math.MaxInt32, Data: make([]byte, 1<<20)},
	} {
		frame := session.AppendEvent(nil, want.Time, want.CPU, want.Data)
		require.Len(t, frame, len(want.Data)+session.EventOverhead)
		for _, more := range []string{"", "newer fields"} {
			got, err := session.DecodeEvent(append(frame[8:], more...))
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.Equal(t, len(got.Data), cap(got.Data), "an append must not overwrite what follows")
		}
	}
}

func TestEventErrors(t *testing.T) {
	body := session.AppendEvent(nil, 1, 2, []byte("abc"))[8:]
	for n := range body {
		_, err := session.DecodeEvent(body[:n])
		require.ErrorIs(t, err, session.ErrCorrupt, "%d bytes", n)
	}
	binary.LittleEndian.PutUint32(body[12:], math.MaxUint32)
	_, err := session.DecodeEvent(body)
	require.ErrorIs(t, err, session.ErrCorrupt)
	require.ErrorContains(t, err, "an event with 4294967295 bytes of data in 19")
}

func TestLoss(t *testing.T) {
	for _, want := range []session.Loss{
		{Time: 1782907200123456789, Count: math.MaxUint64, CPU: 127, Cause: session.LostInKernel},
		{Time: -1, CPU: payload.CPULostByReader, Cause: session.LostFromHistory, Type: 255, AtLeast: true},
		{Cause: 255},
	} {
		body := session.AppendLoss(nil, want)[8:]
		for _, more := range []string{"", "newer fields"} {
			got, err := session.DecodeLoss(append(body, more...))
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		for n := range body {
			_, err := session.DecodeLoss(body[:n])
			require.ErrorIs(t, err, session.ErrCorrupt, "%d bytes", n)
		}
	}
	// Flags that have no meaning yet are none of ours.
	body := session.AppendLoss(nil, session.Loss{})[8:]
	body[22] = 0xfe
	got, err := session.DecodeLoss(body)
	require.NoError(t, err)
	require.Zero(t, got)
}

func TestLossCauseNames(t *testing.T) {
	for cause, want := range map[session.LossCause]string{
		session.LostInKernel: "kernel", session.LostByReader: "reader", session.LostByRateLimit: "rate-limit",
		session.LostFromHistory: "history", 9: "unknown(9)",
	} {
		require.Equal(t, want, cause.String())
	}
}

func TestNothingAllocatedPerEvent(t *testing.T) {
	data := make([]byte, 176)
	dst := make([]byte, 0, len(data)+session.EventOverhead)
	require.Zero(t, testing.AllocsPerRun(100, func() { session.AppendEvent(dst, 1, 2, data) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { session.AppendLoss(dst, session.Loss{Count: 1}) }))

	var stream []byte
	for range 1000 {
		stream = session.AppendEvent(stream, 1, 2, data)
		stream = session.AppendLoss(stream, session.Loss{Count: 1})
	}
	reader := session.NewReader(bytes.NewReader(stream))
	require.Zero(t, testing.AllocsPerRun(1500, func() {
		kind, body, err := reader.Next()
		if err == nil && kind == session.KindEvent {
			_, err = session.DecodeEvent(body)
		} else if err == nil {
			_, err = session.DecodeLoss(body)
		}
		require.NoError(t, err)
	}))
}

// countingReader counts how often it is read.
type countingReader struct {
	io.Reader
	reads int
}

func (r *countingReader) Read(b []byte) (int, error) {
	r.reads++
	return r.Reader.Read(b)
}

// TestReaderReadsMany reads many frames at once, and large ones into the same memory.
func TestReaderReadsMany(t *testing.T) {
	var stream []byte
	for range 1000 {
		stream = session.AppendEvent(stream, 1, 2, make([]byte, 176))
	}
	in := &countingReader{Reader: bytes.NewReader(stream)}
	_, err := readAll(in)
	require.Equal(t, io.EOF, err)
	require.Less(t, in.reads, 10)

	stream = nil
	for range 10 {
		stream = session.AppendEvent(stream, 1, 2, make([]byte, 100_000))
	}
	reader := session.NewReader(bytes.NewReader(stream))
	_, _, err = reader.Next()
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(5, func() { _, _, _ = reader.Next() }))
}

func TestSocketPath(t *testing.T) {
	for path, want := range map[string]string{
		"/var/run/cilium/monitor1_2.sock": "/var/run/cilium/monitor1_3.sock",
		"/run/1_2/monitor.sock":           "/run/1_2/monitor1_3.sock",
		"1_2.sock":                        "1_3.sock",
		"a1_2.1_2":                        "a1_2.1_3",
		"monitor":                         "monitor1_3",
		"./x.y.sock":                      "./x.y1_3.sock",
	} {
		require.Equal(t, want, session.SocketPath(path), path)
	}
}

func BenchmarkAppendEvent(b *testing.B) {
	data := make([]byte, 176)
	dst := make([]byte, 0, 1024)
	b.ReportAllocs()
	b.SetBytes(176)
	for b.Loop() {
		session.AppendEvent(dst, 1, 2, data)
	}
}

func BenchmarkReadEvent(b *testing.B) {
	const events = 1000
	var stream []byte
	for range events {
		stream = session.AppendEvent(stream, 1, 2, make([]byte, 176))
	}
	b.ReportAllocs()
	for b.Loop() {
		reader := session.NewReader(bytes.NewReader(stream))
		for range events {
			_, body, err := reader.Next()
			if err == nil {
				_, err = session.DecodeEvent(body)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}
