// SPDX-License-Identifier: Apache-2.0

package recording_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
)

// event is one of a recording, as a reader has it.
type event struct {
	at   time.Time
	data string
	cpu  int
	eth  string // the name of interface 2
}

func read(r *recording.Reader) (events []event, err error) {
	var pl payload.Payload
	for {
		at, err := r.Next(&pl)
		if err != nil {
			return events, err
		}
		events = append(events, event{at, string(pl.Data), pl.CPU, r.Header().Interfaces[2]})
	}
}

// readAll reads a recording to its end.
func readAll(t *testing.T, file []byte) []event {
	t.Helper()
	r, err := recording.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	events, err := read(r)
	require.Equal(t, io.EOF, err)
	return events
}

func sample(data string) *payload.Payload {
	return &payload.Payload{Type: payload.EventSample, CPU: 3, Data: []byte(data)}
}

var names = recording.Names{
	Node:        "node-a",
	Interfaces:  map[uint32]string{1: "lo", 2: "eth0"},
	DropReasons: map[uint8]string{200: "Out of luck"},
}

// times are of the events that write writes.
var times = []time.Time{
	time.Unix(1782907200, 123456789),
	time.Unix(1782907200, 123456790),
	time.Unix(0, -1),
}

// write returns a recording, and where each of its blocks ends.
func write(t *testing.T, names recording.Names) (file []byte, ends []int) {
	t.Helper()
	var out bytes.Buffer
	w, err := recording.NewWriter(&out, names)
	end := func(err error) {
		require.NoError(t, err)
		require.NoError(t, w.Flush())
		require.EqualValues(t, out.Len(), w.Size())
		if out.Len() > 0 && (len(ends) == 0 || ends[len(ends)-1] != out.Len()) {
			ends = append(ends, out.Len())
		}
	}
	end(err)
	end(w.Write(times[0], sample("one")))
	end(w.NameInterface(2, "eth0"))
	end(w.NameInterface(2, "eth1"))
	end(w.Write(times[1], sample("")))
	end(w.Name(names))
	end(w.Write(times[2], sample(strings.Repeat("x", 100_000))))
	return out.Bytes(), ends
}

// TestRecording shows that events have their times, and the names that held when they came.
func TestRecording(t *testing.T) {
	file, _ := write(t, names)
	r, err := recording.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	require.True(t, r.HasTimes())
	require.Equal(t, names, r.Header().Names)
	require.WithinDuration(t, time.Now(), r.Header().Begun, time.Hour)
	changes := 0
	r.OnNames(func() { changes++ })
	events, err := read(r)
	require.Equal(t, io.EOF, err)
	require.Equal(t, 2, changes)
	require.Len(t, events, 3)
	for i, want := range []event{{times[0], "one", 3, "eth0"}, {times[1], "", 3, "eth1"}, {times[2], strings.Repeat("x", 100_000), 3, "eth0"}} {
		require.True(t, want.at.Equal(events[i].at))
		want.at = events[i].at
		require.Equal(t, want, events[i])
	}
}

// TestNothing shows that a recording without events and names is one.
func TestNothing(t *testing.T) {
	var out bytes.Buffer
	w, err := recording.NewWriter(&out, recording.Names{})
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	require.Empty(t, readAll(t, out.Bytes()))
	_, err = recording.NewReader(bytes.NewReader(nil))
	require.Equal(t, io.EOF, err)
}

// TestSections reads recordings of two nodes, one behind the other. What is an interface of one
// is none of the other.
func TestSections(t *testing.T) {
	a, _ := write(t, names)
	b, _ := write(t, recording.Names{Node: "node-b"})
	r, err := recording.NewReader(bytes.NewReader(append(a, b...)))
	require.NoError(t, err)
	var nodes []string
	r.OnNames(func() { nodes = append(nodes, r.Header().Node) })
	events, err := read(r)
	require.Equal(t, io.EOF, err)
	require.Len(t, events, 6)
	require.Equal(t, []string{"node-a", "node-a", "node-b", "node-b", "node-b"}, nodes)
	require.Empty(t, events[3].eth)
	require.Equal(t, "eth1", events[4].eth)
}

// TestCut cuts a recording at each byte: what is whole before it is read, and that it is cut is said.
func TestCut(t *testing.T) {
	file, ends := write(t, names)
	file, last := file[:ends[4]+100], len(ends)-1
	wholeEvents := func(n int) (events int) {
		for i, end := range ends[:last] {
			if end <= n && (i == 1 || i == 3) {
				events++
			}
		}
		return events
	}
	for n := 1; n < len(file); n++ {
		r, err := recording.NewReader(bytes.NewReader(file[:n]))
		if n < ends[0] {
			require.Equal(t, io.ErrUnexpectedEOF, err, "%d bytes", n)
			continue
		}
		require.NoError(t, err)
		events, err := read(r)
		require.Len(t, events, wholeEvents(n), "%d bytes", n)
		want := io.ErrUnexpectedEOF
		for _, end := range ends {
			if n == end {
				want = io.EOF
			}
		}
		require.Equal(t, want, err, "%d bytes", n)
	}
}

// TestSession reads what there was before recordings had times: a session of the monitor API.
func TestSession(t *testing.T) {
	session := payload.AppendValue(payload.AppendTypeInfo(nil), sample("one"))
	r, err := recording.NewReader(bytes.NewReader(session))
	require.NoError(t, err)
	require.False(t, r.HasTimes())
	events, err := read(r)
	require.Equal(t, io.EOF, err)
	require.Equal(t, []event{{time.Time{}, "one", 3, ""}}, events)
}

// block returns a block as the package's documentation has it.
func block(kind byte, body string) string {
	return string(append(binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(body))), body...))
}

// hostHeader is the header of a recording that this machine can read, otherHeader of one that it can't.
func headers() (host, other string) {
	little, big := block('H', `{"byteOrder":"little","new":1}`), block('H', `{"byteOrder":"big"}`)
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		little, big = big, little
	}
	return recording.Magic + little, recording.Magic + big
}

func TestWrong(t *testing.T) {
	host, other := headers()
	event := block('E', strings.Repeat("\x00", 8)+string(payload.AppendValue(nil, sample("one"))))
	for name, test := range map[string]struct {
		file string
		want error
		says string
	}{
		"other version":        {strings.TrimSuffix(recording.Magic, "\x01") + "\x02" + block('H', "{}"), recording.ErrVersion, "version 2"},
		"other byte order":     {other + event, recording.ErrByteOrder, "-endian"},
		"not quite magic":      {"\x89MONITOR" + block('H', "{}"), payload.ErrCorrupt, "MONITOR"},
		"no header":            {recording.Magic + event, payload.ErrCorrupt, "'E'"},
		"no byte order":        {recording.Magic + block('H', "{}"), payload.ErrCorrupt, `""`},
		"header is no JSON":    {recording.Magic + block('H', "{"), payload.ErrCorrupt, "header"},
		"interfaces are words": {host + block('N', `{"interfaces":{"eth0":"2"}}`), payload.ErrCorrupt, "names"},
		"huge block":           {host + "E\xff\xff\xff\xff", payload.ErrCorrupt, "4294967295"},
		"event without time":   {host + block('E', "1234567"), payload.ErrCorrupt, "7 bytes"},
		"event without value":  {host + block('E', "12345678"), payload.ErrCorrupt, "0 bytes"},
		"two values":           {host + block('E', strings.Repeat("\x00", 8)+strings.Repeat(string(payload.AppendValue(nil, sample("one"))), 2)), payload.ErrCorrupt, "behind an event"},
		"no session either":    {"\x00\x01", payload.ErrNotASession, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := recording.NewReader(strings.NewReader(test.file))
			if err == nil {
				_, err = read(r)
			}
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.says)
		})
	}
	require.Len(t, readAll(t, []byte(host+block('?', "what a later version writes")+event+block('Z', "")+event)), 2)
}

// TestReadError hands on what the file's error is.
func TestReadError(t *testing.T) {
	file, _ := write(t, names)
	broken := errors.New("broken")
	r, err := recording.NewReader(io.MultiReader(bytes.NewReader(file), errorReader{broken}))
	require.NoError(t, err)
	events, err := read(r)
	require.Equal(t, broken, err)
	require.Len(t, events, 3)
}

type errorReader struct{ error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.error }

// TestFullDisk shows the error of what is below.
func TestFullDisk(t *testing.T) {
	full := errors.New("full")
	w, err := recording.NewWriter(errorWriter{full}, names)
	require.NoError(t, err)
	require.ErrorIs(t, w.Flush(), full)
	require.ErrorIs(t, w.Write(times[0], sample("one")), full)
	require.ErrorIs(t, w.NameInterface(7, "eth7"), full)
}

type errorWriter struct{ error }

func (w errorWriter) Write([]byte) (int, error) { return 0, w.error }

// TestSessionByteOrder finds out that samples are in the byte order of another machine.
func TestSessionByteOrder(t *testing.T) {
	packet := make([]byte, 64)
	trace := append((&api.TraceNotify{
		Type: api.MessageTypeTrace, Version: 1, OrigLen: 1500, CapLen: uint16(len(packet)),
	}).Append(nil), packet...)
	swapped := bytes.Clone(trace)
	swap := func(from, to int) {
		for i, j := from, to-1; i < j; i, j = i+1, j-1 {
			swapped[i], swapped[j] = swapped[j], swapped[i]
		}
	}
	swap(8, 12)
	swap(12, 14)
	const noPacket = "\x82"
	for name, test := range map[string]struct {
		samples []string
		want    error
	}{
		"this machine's":                {[]string{noPacket, string(trace), string(trace)}, io.EOF},
		"another one's":                 {[]string{noPacket, string(swapped)}, recording.ErrByteOrder},
		"one that is broken":            {[]string{string(trace), string(swapped)}, io.EOF},
		"cut":                           {[]string{string(swapped[:13]), string(trace[:20])}, io.EOF},
		"neither":                       {[]string{"\x04" + strings.Repeat("\xff", 60)}, io.EOF},
		"of a type without a packet":    {[]string{"\x07" + string(swapped[1:])}, io.EOF},
		"nothing of it was captured":    {[]string{string(swapped[:12]) + "\x00\x00" + string(swapped[14:])}, recording.ErrByteOrder},
		"one that has no length before": {[]string{"\x04" + strings.Repeat("\x00", 60), string(swapped)}, recording.ErrByteOrder},
		"nothing in it but its length":  {[]string{"\x04" + strings.Repeat("\x00", 60)}, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			session := payload.AppendTypeInfo(nil)
			for _, s := range test.samples {
				session = payload.AppendValue(session, sample(s))
			}
			r, err := recording.NewReader(bytes.NewReader(session))
			require.NoError(t, err)
			_, err = read(r)
			require.ErrorIs(t, err, test.want)
		})
	}
}

// TestRegister names in this process what another one had names for.
func TestRegister(t *testing.T) {
	foreign := recording.Vocabulary()
	require.Equal(t, "drop", foreign.MessageTypes[api.MessageTypeDrop])
	require.Equal(t, "Policy denied", foreign.DropReasons[133])
	require.Equal(t, "bpf_host.c", foreign.SourceFiles[1])
	foreign.MessageTypes[102] = "flow-log"
	foreign.MessageTypes[101] = "No name"
	foreign.DropReasons[133] = "The policy says no"
	foreign.SourceFiles[200] = "own\n.c"
	foreign.SourceFiles[201] = "own.c"

	unregister, err := foreign.Register()
	require.ErrorContains(t, err, "No name")
	require.ErrorContains(t, err, "source file 200")
	require.Equal(t, "flow-log", api.MessageTypeName(102))
	require.Equal(t, "The policy says no", api.DropReason(133))
	require.Equal(t, "own.c", api.DropFile(201))
	unregister()
	require.NotEqual(t, "flow-log", api.MessageTypeName(102))
	require.Equal(t, "Policy denied", api.DropReason(133))
}

// TestNothingAllocated shows that neither writing nor reading an event allocates.
func TestNothingAllocated(t *testing.T) {
	w, err := recording.NewWriter(io.Discard, names)
	require.NoError(t, err)
	pl := sample(strings.Repeat("x", 200))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		require.NoError(t, w.NameInterface(2, "eth0"))
		require.NoError(t, w.Write(times[0], pl))
	}))

	var file bytes.Buffer
	w, err = recording.NewWriter(&file, names)
	require.NoError(t, err)
	for range 200 {
		require.NoError(t, w.Write(times[0], pl))
	}
	require.NoError(t, w.Flush())
	r, err := recording.NewReader(&file)
	require.NoError(t, err)
	var got payload.Payload
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, err := r.Next(&got)
		require.NoError(t, err)
	}))
}
