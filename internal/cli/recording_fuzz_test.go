// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/format"
)

// FuzzRecord records any payloads, reads the recording back, records that, and reads as much as is left
// of a recording that is cut anywhere. Each payload in events is what kind it is, a length or a number,
// how often that is doubled, the CPU, and Data.
func FuzzRecord(f *testing.F) {
	f.Add([]byte{kindSample, 3, 0, 1, 'o', 'n', 'e', kindLoss, 5, 2, 0, kindOther, 4, 0, 9, kindSample, 0, 0, 0}, uint32(70))
	f.Add([]byte{kindSample, 9, 12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, kindLoss, 1, 63, 255, kindSample, 255, 9, 255, 4}, uint32(40000))
	f.Add([]byte{}, uint32(0))
	file, another := newMemoryFile(f), newMemoryFile(f)
	f.Fuzz(func(t *testing.T, events []byte, cut uint32) {
		want := payloadsOf(events)
		recordAll(t, file.path, len(want), nil, func(yield func(*payload.Payload, error) bool) {
			for i := range want {
				if !yield(&want[i], nil) {
					return
				}
			}
			yield(nil, io.EOF)
		})
		content := file.content(t)

		got, times, err := readBack(t, file.path)
		require.Equal(t, io.EOF, err)
		requireSame(t, want, got)
		s := open(t, file.path)
		defer s.file.Close()
		recordAll(t, another.path, len(want), s, s.payloads())
		got, timesAgain, err := readBack(t, another.path)
		require.Equal(t, io.EOF, err)
		requireSame(t, want, got)
		require.Equal(t, times, timesAgain, "of the recording of a recording")

		// What is left of a recording is whole payloads, and what is said of the rest.
		left := int(cut) % (len(content) + 1)
		require.NoError(t, file.Truncate(int64(left)))
		whole, begun, atEnd := blocksWithin(content, left)
		if !begun {
			_, err := openStream(t.Context(), file.path, s.wake, io.Discard)
			require.Error(t, err)
			require.Regexp(t, "is empty|has no whole event", err.Error())
			return
		}
		got, _, err = readBack(t, file.path)
		requireSame(t, want[:whole], got)
		switch {
		case atEnd:
			require.Equal(t, io.EOF, err)
		case whole == 0:
			require.ErrorContains(t, err, "has no whole event")
		default:
			require.ErrorContains(t, err, "is cut short")
		}
	})
}

// blocksWithin returns how many events of a recording end within so many bytes, whether its header does, and
// whether a block ends right there.
func blocksWithin(content []byte, left int) (events int, begun, atEnd bool) {
	const head = 5
	for end := len(recording.Magic); ; {
		if end += head; end > len(content) {
			return events, begun, atEnd
		}
		kind := content[end-head]
		end += int(binary.LittleEndian.Uint32(content[end-head+1:]))
		if end > left {
			return events, begun, atEnd
		}
		begun, atEnd = true, end == left
		if kind == 'E' {
			events++
		}
	}
}

// Kinds of payloads that the bytes of FuzzRecord stand for.
const (
	kindSample = iota
	kindLoss
	kindOther // a type that there is not
	kinds
)

func payloadsOf(events []byte) (payloads []payload.Payload) {
	const header, most = 4, 1 << 20 // bytes of Data, in total
	for total := 0; len(events) >= header; {
		kind, n, doublings, cpu := events[0]%kinds, int(events[1]), int(events[2]), int(int8(events[3]))
		events = events[header:]
		pl := payload.Payload{CPU: cpu << (doublings % 60), Type: payload.EventSample}
		switch kind {
		case kindLoss:
			pl.Type, pl.Lost = payload.RecordLost, uint64(n)<<(doublings%64)
		case kindOther:
			pl.Type, pl.Lost = n<<(doublings%64), uint64(n)
		}
		if kind != kindLoss {
			n, times := min(n, len(events)), 1<<(doublings%14)
			if n*times > most-total {
				times = 1
			}
			total += n * times
			pl.Data = bytes.Repeat(events[:n], times)
			events = events[n:]
		}
		payloads = append(payloads, pl)
	}
	return payloads
}

// recordAll has a watch record n payloads that it prints none of, of a stream unless that is nil.
func recordAll(t *testing.T, path string, n int, input *stream, payloads iter.Seq2[*payload.Payload, error]) {
	opts := watchOptions{record: path}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	files := watchFiles{input: input}
	require.NoError(t, files.open(ctx, stop, &opts, &outputs{}, os.Stdout, io.Discard))
	files.recording.names = func() recording.Names { return recording.Names{Node: "node"} }
	require.NoError(t, files.recording.connected())
	filter, err := format.ParseFilter([]string{"--port", "1"})
	require.NoError(t, err)
	var messages bytes.Buffer
	formatter := format.New(format.Options{})
	w := watcher{
		out: bufio.NewWriter(io.Discard), watchFiles: files, messages: &messages, connected: true, stop: stop,
		event: format.NewEvent(func(uint32) string { return "eth0" }), filter: filter, formatter: formatter, joiner: format.NewJoiner(formatter),
	}
	require.NoError(t, w.watch(ctx, payloads))
	require.Equal(t, n, files.recording.events)
	require.Contains(t, messages.String(), files.recording.summary())
}

// open opens a stream that is not cancelled.
func open(t *testing.T, path string) *stream {
	wake, release, err := doneFile(t.Context())
	require.NoError(t, err)
	t.Cleanup(release)
	s, err := openStream(t.Context(), path, wake, io.Discard)
	require.NoError(t, err)
	s.onIdle = func() {}
	return s
}

// readBack returns the payloads of a recording, their times, and with what error it ends.
func readBack(t *testing.T, path string) (payloads []payload.Payload, times []time.Time, ended error) {
	s := open(t, path)
	defer s.file.Close()
	for pl, err := range s.payloads() {
		if err != nil {
			return payloads, times, err
		}
		keep := *pl
		keep.Data = bytes.Clone(pl.Data)
		payloads, times = append(payloads, keep), append(times, s.time())
	}
	return payloads, times, errors.New("the stream has no end")
}

func requireSame(t *testing.T, want, got []payload.Payload) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, bytes.Equal(want[i].Data, got[i].Data), "Data of payload %d", i)
		a, b := want[i], got[i]
		a.Data, b.Data = nil, nil
		require.Equal(t, a, b, "payload %d", i)
	}
}
