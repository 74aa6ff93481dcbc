// SPDX-License-Identifier: Apache-2.0

package pcapng_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/format/pcapng"
	"github.com/cilium/monitor/internal/inert"
)

// FuzzWriter writes events of any bytes, on an interface of any name, and checks each byte of the
// file. Each event in events is a byte that says how long it is, one that says how often it is doubled,
// and the sample; behind the last length there are all that are left.
func FuzzWriter(f *testing.F) {
	frame := []byte("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00E\x00\x00\x1c\x00\x00@\x00@\x11\x00\x00\n\x00\x00\x01\n\x00\x00\x02\x9c@\x005\x00\x08\x00\x00")
	event := func(doublings byte, sample []byte) []byte {
		return append([]byte{byte(len(sample)), doublings}, sample...)
	}
	ofAll := bytes.Join([][]byte{
		event(0, trace(frame, 1500)), event(0, drop(frame, 3)), event(0, capture(frame)), event(0, verdict(frame, api.PolicyIngress)),
		event(0, verdict(frame[14:], api.PolicyEgress|api.PolicyVerdictFlagL3Device)), event(0, trace(frame, 1)), event(0, drop(nil, 0)),
		event(0, drop(nil, 2)[:20]), event(0, (&api.DebugMsg{Type: api.MessageTypeDebug}).Append(nil)), event(0, nil),
	}, nil)
	f.Add("eth0", "text", ofAll)
	f.Add("", "", ofAll)
	f.Add("eth\n\xff\u202e", "\x1b[2J\xc3", ofAll)
	own := append([]byte{101, 1, 7, 0, 0, 0, 0, 1, 0, 0}, frame...)
	f.Add("eth0", "text", bytes.Join([][]byte{event(0, own), event(13, own), event(14, own), event(0, own[:9])}, nil))
	f.Add(strings.Repeat("n", 1000), strings.Repeat("\u202etext", 100), event(7, own))

	f.Fuzz(func(t *testing.T, name, text string, events []byte) {
		register(t, text)
		samples := split(events)
		file := bytes.Buffer{}
		w, err := pcapng.NewWriter(&file)
		require.NoError(t, err)
		formatter := format.New(format.Options{Level: format.LevelDebug})
		var want []strictPacket
		for _, sample := range samples {
			e := format.NewEvent(func(uint32) string { return strings.Repeat(name, 1+len(sample)/100) })
			e.Decode(&payload.Payload{Type: payload.EventSample, Data: sample})
			require.NoError(t, w.Write(e, now))
			data, origLen := e.Packet()
			require.Equal(t, data != nil, pcapng.HasPacket(e))
			if data == nil {
				continue
			}
			p := strictPacket{
				iface:    strictInterface{name: pcapng.NoInterface, linkType: layers.LinkTypeEthernet, snapLength: pcapng.SnapLength},
				time:     uint64(now.UnixNano()),
				length:   max(int(origLen), len(data)),
				data:     data[:min(len(data), pcapng.SnapLength)],
				comments: []string{strings.TrimSuffix(string(formatter.Append(nil, e)), "\n")},
			}
			if index, name := e.Interface(); index != 0 {
				p.iface.name = inert.String(name)
			}
			if e.IsL3Device() {
				p.iface.linkType = layers.LinkTypeRaw
			}
			want = append(want, p)
		}
		require.NoError(t, w.Flush())

		packets, interfaces := readStrictly(t, file.Bytes())
		require.Len(t, packets, len(want))
		for i, p := range packets {
			require.Len(t, p.comments, 1)
			requireCut(t, want[i].comments[0], p.comments[0])
			requireCut(t, want[i].iface.name, p.iface.name)
			want[i].comments, want[i].iface.name = p.comments, p.iface.name
			require.True(t, bytes.Equal(want[i].data, p.data))
			want[i].data, p.data = nil, nil
			require.Equal(t, want[i], p)
		}
		theirs, n := read(t, file.Bytes())
		require.Len(t, theirs, len(packets))
		require.Equal(t, len(interfaces), n)
	})
}

// requireCut checks that text is all of whole, or as much of it as fits in an option.
func requireCut(t *testing.T, whole, text string) {
	t.Helper()
	const most, rune = 1<<16 - 1, 4
	if len(whole) <= most {
		require.Equal(t, whole, text)
		return
	}
	require.True(t, strings.HasPrefix(whole, text))
	require.Greater(t, len(text), most-rune)
}

// register makes type 101 one that prints a text, as many times as its sample has bytes for it.
func register(t *testing.T, text string) {
	const header = 10 // type, flags, interface, original length
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(s *format.Sample) error {
			if err := s.RequireLen(header); err != nil {
				return err
			}
			s.L3Device, s.Ifindex = s.Data[1]&1 != 0, binary.LittleEndian.Uint32(s.Data[2:])
			return s.SetPacket(header, len(s.Data)-header, binary.LittleEndian.Uint32(s.Data[6:]))
		},
		Line: func(l *format.Line, s *format.Sample) { l.Text(strings.Repeat(text, 1+min(len(s.Data), 10_000)/10)) },
		JSON: func(*format.Object, *format.Sample) {},
	})
	require.NoError(t, err)
	t.Cleanup(unregister)
}

// split returns the samples that the bytes of FuzzWriter stand for.
func split(events []byte) (samples [][]byte) {
	const most = 2 << 20 // bytes, in total
	for total := 0; len(events) >= 2 && len(samples) < 50; {
		n, times := int(events[0]), 1<<(events[1]%16)
		events = events[2:]
		n = min(n, len(events))
		if n*times > most-total {
			times = 1
		}
		total += n * times
		samples = append(samples, bytes.Repeat(events[:n], times))
		events = events[n:]
	}
	return samples
}
