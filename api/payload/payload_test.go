// SPDX-License-Identifier: Apache-2.0

package payload_test

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"testing/quick"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/api/payload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Payload is what a client of API 1.2 that knows nothing of this module has.
type Payload struct {
	Data []byte
	CPU  int
	Lost uint64
	Type int
}

// The type ids of encoding/gob depend on the types that the process used before,
// so this session is opened before any other: it gets the id that ours have.
var (
	gobStream  bytes.Buffer
	gobEncoder = gob.NewEncoder(&gobStream)
	gobOpening = func() string {
		if err := gobEncoder.Encode(Payload{}); err != nil {
			panic(err)
		}
		return hex.EncodeToString(gobStream.Bytes())
	}()
)

// TestGolden pins the bytes on the wire.
func TestGolden(t *testing.T) {
	const typeInfo = "377f030101075061796c6f616401ff80000104" +
		"010444617461010a00" + "01034350550104" + "00" + "01044c6f73740106" + "00" + "0104547970650104" + "00" + "0000"
	require.Equal(t, typeInfo, hex.EncodeToString(payload.AppendTypeInfo(nil)))

	for _, c := range []struct {
		pl   payload.Payload
		wire string
	}{
		{payload.Payload{Data: []byte{4, 10, 7}, CPU: 1, Type: payload.EventSample}, "0cff80" + "0103040a07" + "0102" + "0212" + "00"},
		{payload.Payload{Data: []byte{130}, Type: payload.EventSample}, "0aff80" + "010182" + "0100" + "0212" + "00"},
		{payload.Payload{CPU: 3, Lost: 5, Type: payload.RecordLost}, "09ff80" + "0206" + "0105" + "0104" + "00"},
		{payload.Payload{CPU: payload.CPULostByReader, Lost: 300, Type: payload.RecordLost}, "0bff80" + "0201" + "01fe012c" + "0104" + "00"},
		{payload.Payload{Lost: 5, Type: payload.RecordLost}, "09ff80" + "0200" + "0105" + "0104" + "00"},
		{payload.Payload{}, "05ff80" + "0200" + "00"},
	} {
		require.Equal(t, c.wire, hex.EncodeToString(payload.AppendValue(nil, &c.pl)), "%+v", c.pl)
	}
}

// TestSameAsEncodingGob holds our messages against those of encoding/gob, which leaves out
// CPU 0.
func TestSameAsEncodingGob(t *testing.T) {
	require.Equal(t, hex.EncodeToString(payload.AppendTypeInfo(nil))+"03ff8000", gobOpening)

	same := func(data []byte, cpu int, lost uint64, typ int) bool {
		if cpu == 0 {
			cpu = 1
		}
		gobStream.Reset()
		require.NoError(t, gobEncoder.Encode(Payload{data, cpu, lost, typ}))
		ours := payload.AppendValue(nil, &payload.Payload{Data: data, CPU: cpu, Lost: lost, Type: typ})
		return bytes.Equal(gobStream.Bytes(), ours)
	}
	require.NoError(t, quick.Check(same, &quick.Config{MaxCount: 10000}))

	ints := []int{1, -1, 63, 64, -64, -65, 127, 128, math.MaxInt32, math.MinInt32, math.MaxInt, math.MinInt}
	lengths := []int{0, 1, 126, 127, 128, 255, 256, 65535, 65536, 1 << 20}
	for _, cpu := range ints {
		for _, n := range lengths {
			lost := rand.Uint64() >> rand.IntN(64)
			require.True(t, same(make([]byte, n), cpu, lost, cpu), "%d bytes, CPU %d, lost %d", n, cpu, lost)
			require.True(t, same(make([]byte, n), cpu, 0, 0))
		}
	}
}

// TestPlainGobClient reads a session as a client does that decodes with
// encoding/gob.
func TestPlainGobClient(t *testing.T) {
	stream, want := session(100)
	dec := gob.NewDecoder(bytes.NewReader(stream))
	for i, pl := range want {
		var got Payload
		require.NoError(t, dec.Decode(&got))
		require.Equal(t, Payload(pl), got, "payload %d", i)
	}
	require.Equal(t, io.EOF, dec.Decode(&Payload{}))
}

// TestPlainGobClientOneStruct reads a session as Cilium's client does, which decodes into
// one struct again and again: what a message leaves out keeps the value of the one before.
func TestPlainGobClientOneStruct(t *testing.T) {
	stream := payload.AppendTypeInfo(nil)
	var want []int
	for i := range 40 {
		cpu := []int{3, 0, payload.CPULostByReader, 0, 0, 129}[i%6]
		want = append(want, cpu)
		switch i % 4 {
		case 0:
			stream = payload.AppendValue(stream, &payload.Payload{CPU: cpu, Lost: 7, Type: payload.RecordLost})
		case 1:
			stream = payload.AppendValue(stream, &payload.Payload{Data: []byte{4}, CPU: cpu, Type: payload.EventSample})
		default:
			stream, _ = payload.AppendSample(stream, i, cpu)
		}
	}
	dec := gob.NewDecoder(bytes.NewReader(stream))
	var got Payload
	for i, cpu := range want {
		require.NoError(t, dec.Decode(&got))
		require.Equal(t, cpu, got.CPU, "payload %d", i)
	}
}

func TestDecodeValue(t *testing.T) {
	stream, want := session(500)
	values := stream[len(payload.AppendTypeInfo(nil)):]
	var got []payload.Payload
	for rest := values; len(rest) > 0; {
		var pl payload.Payload
		n, err := payload.DecodeValue(rest, &pl)
		require.NoError(t, err)
		got = append(got, pl)
		rest = rest[n:]
	}
	clear(values)
	require.Equal(t, want, got, "the payloads do not share memory with the stream")
}

func TestDecodeValueErrors(t *testing.T) {
	value := payload.AppendValue(nil, &payload.Payload{Data: randomBytes(200), CPU: 3, Type: payload.EventSample})
	before := payload.Payload{CPU: 7, Lost: 8}
	for name, b := range map[string][]byte{
		"nothing":           nil,
		"a type definition": payload.AppendTypeInfo(nil),
		"huge message":      []byte("\xf8\xff\xff\xff\xff\xff\xff\xff\xff"),
		"unknown id":        []byte("\x03\xff\x82\x00"),
		"unknown field":     []byte("\x05\xff\x80\x05\x01\x00"),
		"empty message":     []byte("\x00"),
	} {
		pl := before
		n, err := payload.DecodeValue(b, &pl)
		require.ErrorIs(t, err, payload.ErrCorrupt, name)
		require.Zero(t, n)
		require.Equal(t, before, pl)
	}
	for n := range value {
		_, err := payload.DecodeValue(value[:n], &payload.Payload{})
		require.ErrorIs(t, err, payload.ErrCorrupt, "%d bytes", n)
	}
}

// FuzzDecodeValue holds DecodeValue against a Decoder.
func FuzzDecodeValue(f *testing.F) {
	stream, _ := session(3)
	f.Add(stream[len(payload.AppendTypeInfo(nil)):])
	f.Add(payload.AppendTypeInfo(nil))
	f.Fuzz(func(t *testing.T, values []byte) {
		dec := payload.NewDecoder(bytes.NewReader(append(payload.AppendTypeInfo(nil), values...)))
		for rest := values; ; {
			var got, want payload.Payload
			n, err := payload.DecodeValue(rest, &got)
			wantErr := dec.Decode(&want)
			require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
			if err != nil {
				require.ErrorIs(t, err, payload.ErrCorrupt)
				return
			}
			require.Equal(t, want, got)
			rest = rest[n:]
		}
	})
}

func TestAppendSample(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 4096, 65536} {
		sample := randomBytes(n)
		prefix := []byte("before")
		msg, data := payload.AppendSample(prefix, n, 3)
		copy(data, sample)
		require.Len(t, data, n)
		require.Equal(t, n, cap(data), "an append to the data must not overwrite what follows")
		want := payload.AppendValue([]byte("before"), &payload.Payload{Data: sample, CPU: 3, Type: payload.EventSample})
		require.Equal(t, want, msg)
		require.LessOrEqual(t, len(msg)-len(prefix), n+payload.MaxOverhead)
	}
}

func TestMaxOverhead(t *testing.T) {
	msg := payload.AppendValue(nil, &payload.Payload{Data: make([]byte, 128), CPU: math.MinInt, Lost: math.MaxUint64, Type: math.MinInt})
	require.LessOrEqual(t, len(msg), 128+payload.MaxOverhead)
}

// TestDecodeOtherServers decodes what encoding/gob wrote, under whatever type id
// it chose.
func TestDecodeOtherServers(t *testing.T) {
	type Before struct{ A int }
	gob.Register(Before{})
	type Payload struct { // a type of its own, with an id of its own
		Data []byte
		CPU  int
		Lost uint64
		Type int
	}
	var stream bytes.Buffer
	enc := gob.NewEncoder(&stream)
	_, want := session(50)
	for _, pl := range want {
		require.NoError(t, enc.Encode(Payload(pl)))
	}
	requireDecodes(t, &stream, want)
}

func TestDecode(t *testing.T) {
	stream, want := session(500)
	requireDecodes(t, bytes.NewReader(stream), want)
	requireDecodes(t, iotest.OneByteReader(bytes.NewReader(stream)), want)
	requireDecodes(t, iotest.HalfReader(bytes.NewReader(stream)), want)
}

func TestDecodeTruncated(t *testing.T) {
	stream, _ := session(3)
	for n := range stream {
		dec := payload.NewDecoder(bytes.NewReader(stream[:n]))
		var err error
		for err == nil {
			err = dec.Decode(&payload.Payload{})
		}
		require.True(t, err == io.EOF || err == io.ErrUnexpectedEOF, "after %d bytes: %v", n, err)
	}
}

func TestDecodeErrors(t *testing.T) {
	info := string(payload.AppendTypeInfo(nil))
	for name, c := range map[string]struct {
		stream string
		want   error
	}{
		"text":              {"HTTP/1.1 400 Bad Request\r\n\r\n" + string(make([]byte, 100)), payload.ErrNotASession},
		"value first":       {"\x03\xff\x80\x00", payload.ErrNotASession},
		"another type":      {"\x2b\xff\x81\x03\x01\x01\x0bAgentNotify\x01\xff\x82\x00\x01\x02\x01\x04Type\x01\x06\x00\x01\x04Text\x01\x0c\x00\x00\x00", payload.ErrNotASession},
		"empty message":     {info + "\x00", payload.ErrCorrupt},
		"huge message":      {info + "\xf8\xff\xff\xff\xff\xff\xff\xff\xff", payload.ErrCorrupt},
		"huge integer":      {info + "\x80", payload.ErrCorrupt},
		"second definition": {info + info, payload.ErrCorrupt},
		"unknown id":        {info + "\x03\xff\x82\x00", payload.ErrCorrupt},
		"unknown field":     {info + "\x05\xff\x80\x05\x01\x00", payload.ErrCorrupt},
		"field overflow":    {info + "\x0c\xff\x80\xf8\xff\xff\xff\xff\xff\xff\xff\xff\x00", payload.ErrCorrupt},
		"data too long":     {info + "\x06\xff\x80\x01\x7f\x01\x00", payload.ErrCorrupt},
		"no end":            {info + "\x04\xff\x80\x02\x02", payload.ErrCorrupt},
		"after the end":     {info + "\x05\xff\x80\x00\x00\x00", payload.ErrCorrupt},
		"cut integer":       {info + "\x04\xff\x80\x02\xf8", payload.ErrCorrupt},
	} {
		err := payload.NewDecoder(bytes.NewReader([]byte(c.stream))).Decode(&payload.Payload{})
		require.ErrorIs(t, err, c.want, name)
	}

	broken := errors.New("broken pipe")
	err := payload.NewDecoder(iotest.ErrReader(broken)).Decode(&payload.Payload{})
	require.ErrorIs(t, err, broken)
}

func TestNothingAllocatedPerEvent(t *testing.T) {
	pl := payload.Payload{Data: randomBytes(176), CPU: 1, Type: payload.EventSample}
	buf := make([]byte, 0, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() { payload.AppendValue(buf, &pl) }))
	require.Zero(t, testing.AllocsPerRun(100, func() { payload.AppendSample(buf, 176, 1) }))

	stream, _ := session(1000)
	dec := payload.NewDecoder(bytes.NewReader(stream))
	require.NoError(t, dec.Decode(&pl))
	require.Zero(t, testing.AllocsPerRun(500, func() { _ = dec.Decode(&pl) }))
}

func FuzzDecode(f *testing.F) {
	stream, _ := session(3)
	f.Add(stream)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, stream []byte) {
		ours := payload.NewDecoder(bytes.NewReader(stream))
		gobs := gob.NewDecoder(bytes.NewReader(stream))
		for {
			var got payload.Payload
			if ours.Decode(&got) != nil {
				return
			}
			// What we accept, encoding/gob reads the same way.
			var want Payload
			require.NoError(t, gobs.Decode(&want))
			require.Equal(t, string(want.Data), string(got.Data))
			want.Data, got.Data = nil, nil
			require.Equal(t, want, Payload(got))
		}
	})
}

func BenchmarkAppendSample(b *testing.B) {
	buf := make([]byte, 0, 1024)
	sample := randomBytes(176)
	b.ReportAllocs()
	b.SetBytes(176)
	for b.Loop() {
		_, data := payload.AppendSample(buf, len(sample), 1)
		copy(data, sample)
	}
}

func BenchmarkDecode(b *testing.B) {
	stream, want := session(1000)
	rd := bytes.NewReader(stream)
	var pl payload.Payload
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rd.Reset(stream)
		dec := payload.NewDecoder(rd)
		for range want {
			if err := dec.Decode(&pl); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(want)), "ns/event")
}

func requireDecodes(t *testing.T, r io.Reader, want []payload.Payload) {
	t.Helper()
	dec := payload.NewDecoder(r)
	for i := range want {
		var got payload.Payload
		require.NoError(t, dec.Decode(&got))
		require.Equal(t, want[i], got, "payload %d", i)
	}
	require.Equal(t, io.EOF, dec.Decode(&payload.Payload{}))
}

// session returns a stream of n payloads of all kinds, and the payloads.
func session(n int) ([]byte, []payload.Payload) {
	stream := payload.AppendTypeInfo(nil)
	pls := make([]payload.Payload, n)
	for i := range pls {
		switch i % 5 {
		case 0:
			pls[i] = payload.Payload{CPU: i, Lost: uint64(i) + 1, Type: payload.RecordLost}
		case 1:
			pls[i] = payload.Payload{CPU: payload.CPULostByReader, Lost: rand.Uint64(), Type: payload.RecordLost}
		default:
			pls[i] = payload.Payload{Data: randomBytes(1 + rand.IntN(512)), CPU: i % 3, Type: payload.EventSample}
		}
		if i == 42 { // larger than a decoder's buffer
			pls[i].Data = randomBytes(100_000)
		}
		stream = payload.AppendValue(stream, &pls[i])
	}
	return stream, pls
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
