// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/format/pcapng"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 123456789, time.UTC)

// write returns the capture file of samples.
func write(t *testing.T, samples ...[]byte) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file)
	require.NoError(t, err)
	for _, s := range samples {
		require.NoError(t, w.Write(decode(s), now))
	}
	size := w.Size()
	require.NoError(t, w.Flush())
	require.EqualValues(t, file.Len(), size)
	require.Equal(t, size, w.Size())
	return file.Bytes()
}

// packet is one of a capture file.
type packet struct {
	iface    string
	linkType layers.LinkType
	length   int
	data     []byte
	comment  string
}

func read(t *testing.T, file []byte) (packets []packet, interfaces int) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	require.NoError(t, err)
	for {
		data, info, options, err := r.ReadPacketDataWithOptions()
		if err == io.EOF {
			return packets, r.NInterfaces()
		}
		require.NoError(t, err)
		iface, err := r.Interface(info.InterfaceIndex)
		require.NoError(t, err)
		require.True(t, info.Timestamp.Equal(now), info.Timestamp)
		require.Equal(t, info.CaptureLength, len(data))
		require.Len(t, options.Comments, 1)
		packets = append(packets, packet{iface.Name, iface.LinkType, info.Length, data, options.Comments[0]})
	}
}

func TestWriter(t *testing.T) {
	frame := udp(t, 53, []byte("what is the address?"))
	ip := frame[14:]
	const conn = "10.0.0.1:40000 -> 10.0.0.2:53 udp"

	packets, interfaces := read(t, write(t,
		trace(frame, 1500),
		drop(frame, 3),
		capture(frame),
		verdict(frame, api.PolicyIngress),
		trace(ip, len(ip), func(n *api.TraceNotify) { n.Flags = api.FlagL3Device }),
		verdict(ip, api.PolicyEgress|api.PolicyVerdictFlagL3Device),
		trace(frame, len(frame)),
		drop(nil, 0),
	))
	const ethernet, raw = layers.LinkTypeEthernet, layers.LinkTypeRaw
	require.Equal(t, []packet{
		{"eth2", ethernet, 1500, frame, "out  " + conn + ": eth2, new, 1500 bytes (62 captured), CPU 0"},
		{"eth3", ethernet, len(frame), frame, "DROP " + conn + ": Policy denied, eth3, 62 bytes (62 captured), CPU 0"},
		{"eth3", ethernet, len(frame), frame, packets[2].comment},
		{pcapng.NoInterface, ethernet, len(frame), frame, packets[3].comment},
		{"eth2", raw, len(ip), ip, packets[4].comment},
		{pcapng.NoInterface, raw, len(ip), ip, packets[5].comment},
		{"eth2", ethernet, len(frame), frame, packets[6].comment},
		{pcapng.NoInterface, ethernet, 0, []byte{}, packets[7].comment},
	}, packets)
	require.Equal(t, 5, interfaces, "one for each name and link type")
	require.Contains(t, packets[2].comment, conn)
	require.Regexp(t, "^deny "+conn+": ingress, match none, ", packets[3].comment)
	require.Contains(t, packets[4].comment, conn)
	require.Contains(t, packets[5].comment, conn)
}

// TestNothing writes nothing: the file is complete.
func TestNothing(t *testing.T) {
	packets, _ := read(t, write(t))
	require.Empty(t, packets)
}

// TestWithoutPacket leaves out what has no packet, and what cannot be decoded.
func TestWithoutPacket(t *testing.T) {
	truncated := drop(nil, 2)[:20]
	debug := (&api.DebugMsg{Type: api.MessageTypeDebug}).Append(nil)
	agent := (&api.AgentNotify{Type: api.AgentNotifyGeneric, Text: `"hello"`}).Append(nil)
	packets, _ := read(t, write(t, truncated, debug, agent, []byte{129}, []byte{77}, nil))
	require.Empty(t, packets)

	var file bytes.Buffer
	w, err := pcapng.NewWriter(&file)
	require.NoError(t, err)
	e := format.NewEvent(nil)
	e.Decode(&payload.Payload{Type: payload.RecordLost, Lost: 3})
	require.False(t, pcapng.HasPacket(e))
	require.NoError(t, w.Write(e, now))
}

// TestLongerThanOriginal writes a packet of which the datapath says that there is more of
// it in the event than on the wire. A reader would refuse such a file.
func TestLongerThanOriginal(t *testing.T) {
	frame := udp(t, 53, nil)
	packets, _ := read(t, write(t, trace(frame, 1)))
	require.Len(t, packets, 1)
	require.Equal(t, len(frame), packets[0].length)
}

var errFull = errors.New("disk is full")

// fullDisk takes some writes, then fails.
type fullDisk struct{ left int }

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.left--; d.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestFullDisk(t *testing.T) {
	disk := &fullDisk{left: 1}
	w, err := pcapng.NewWriter(disk)
	require.NoError(t, err)
	require.NoError(t, w.Flush())
	e := decode(trace(udp(t, 53, nil), 100))
	require.NoError(t, w.Write(e, now), "buffered")
	require.ErrorIs(t, w.Flush(), errFull)
	require.ErrorIs(t, w.Write(e, now), errFull)
}

// TestOwnType writes the packets of a registered type, and skips those of its events that have
// none.
func TestOwnType(t *testing.T) {
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(s *format.Sample) error {
			s.L3Device, s.Ifindex = true, 4
			return s.SetPacket(1, len(s.Data)-1, 0)
		},
		Line: func(l *format.Line, _ *format.Sample) { l.Text("own") },
		JSON: func(*format.Object, *format.Sample) {},
	})
	require.NoError(t, err)
	defer unregister()
	frame := udp(t, 53, nil)
	packets, _ := read(t, write(t, append([]byte{101}, frame[14:]...), []byte{101}))
	require.Equal(t, []packet{{"eth4", layers.LinkTypeRaw, len(frame) - 14, frame[14:], "own: 10.0.0.1:40000 -> 10.0.0.2:53 udp"}}, packets)
}
