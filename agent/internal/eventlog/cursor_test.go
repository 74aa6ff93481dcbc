// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

// TestRunStays checks that what Next returned stays until Wrote, also if the log drops the segment
// in the meantime and goes through many more. Two cursors are at it, of which one is done earlier.
func TestRunStays(t *testing.T) {
	log := eventlog.New(8, plenty)
	appendSample(log, 1)
	first, second := log.NewCursor(0, nil), log.NewCursor(0, nil)
	defer first.Close()
	defer second.Close()
	appendSample(log, 2)
	run := first.Next()
	require.NotEmpty(t, run)
	require.Equal(t, run, second.Next())
	want := slices.Clone(run)
	for i := range 100 {
		appendSample(log, uint64(i))
	}
	require.Equal(t, want, run)
	require.True(t, first.Wrote(0), "it could not write anything")
	for i := range 100 {
		appendSample(log, uint64(i))
	}
	require.Equal(t, want, run, "the other one is still writing it")
	require.True(t, second.Wrote(len(run)))
	require.EqualValues(t, 1, second.Delivered())
	require.Zero(t, first.Delivered())
	require.Equal(t, log.Accepted()-1, first.Lag())
}

// TestLossIsExact has a cursor fall behind by one event more each time: it gets those that the log
// keeps, of which there are as many as it promises, and a loss of just the others before them, if
// there are any.
func TestLossIsExact(t *testing.T) {
	for _, size := range []int{1, 4, 8, 100} {
		for n := 1; n < 3*size; n++ {
			log := eventlog.New(size, plenty)
			c := log.NewCursor(0, nil)
			for i := range n {
				appendSample(log, uint64(i))
			}
			lost, samples := read(t, c)
			kept := len(samples)
			require.Equal(t, n, lost+kept)
			require.EqualValues(t, lost, c.Lost())
			require.EqualValues(t, kept, c.Delivered())
			if n <= size {
				require.Zero(t, lost, "%d of %d events", n, size)
			} else {
				require.GreaterOrEqual(t, kept, size)
				require.LessOrEqual(t, 8*kept, 9*size, "at most an eighth more, of %d events", n)
			}
			for i, number := range samples {
				require.EqualValues(t, lost+i, number)
			}
			c.Close()
		}
	}
}

// TestCaughtUpLosesNothing drops the segment that a cursor is at the end of: it has missed nothing,
// and is told of no loss.
func TestCaughtUpLosesNothing(t *testing.T) {
	log := eventlog.New(1, plenty)
	c, other := log.NewCursor(0, nil), log.NewCursor(0, nil)
	defer c.Close()
	defer other.Close()
	for i := range 10 {
		appendSample(log, uint64(i))
		lost, samples := read(t, c)
		require.Zero(t, lost)
		require.Equal(t, []uint64{uint64(i)}, samples)
		require.Empty(t, c.Next())
		require.True(t, c.CaughtUp())
	}
}

// TestLossIsWrittenInParts gives the loss away byte by byte.
func TestLossIsWrittenInParts(t *testing.T) {
	log := eventlog.New(1, plenty)
	c := log.NewCursor(0, opening)
	defer c.Close()
	for i := range 5 {
		appendSample(log, uint64(i))
	}
	stream := bytes.NewBuffer(nil)
	for !c.CaughtUp() {
		stream.Write(c.Next()[:1])
		require.True(t, c.Wrote(1))
	}
	dec := payload.NewDecoder(stream)
	var pl payload.Payload
	require.NoError(t, dec.Decode(&pl))
	require.Equal(t, payload.Payload{CPU: payload.CPULostByReader, Lost: 4, Type: payload.RecordLost}, pl)
	require.NoError(t, dec.Decode(&pl))
	require.EqualValues(t, 4, binary.NativeEndian.Uint64(pl.Data))
	require.ErrorIs(t, dec.Decode(&pl), io.EOF)
}

// TestPartsCount checks that the other ends of cut payloads are in the log's memory, until they are
// written or their cursor is closed.
func TestPartsCount(t *testing.T) {
	const event = 1000
	log := eventlog.New(100, plenty)
	c, closed := log.NewCursor(0, nil), log.NewCursor(0, nil)
	log.Sample(event, 0)
	log.Commit()
	before := log.Memory()
	n := len(c.Next())
	require.True(t, c.Wrote(n-10))
	require.Equal(t, before+10, log.Memory())
	require.False(t, c.CaughtUp(), "the other end is yet to be written")
	closed.Next()
	require.True(t, closed.Wrote(n-20))
	require.Equal(t, before+30, log.Memory())
	closed.Close()
	require.Equal(t, before+10, log.Memory())
	require.Len(t, c.Next(), 10)
	require.True(t, c.Wrote(9))
	require.Equal(t, before+10, log.Memory())
	require.True(t, c.Wrote(1))
	require.Equal(t, before, log.Memory())
	require.True(t, c.CaughtUp())
	c.Close()
	require.Equal(t, before, log.Memory(), "they count no more")
}

// read reads all that a cursor has, and returns the losses that it was told of and the numbers of the
// samples.
func read(t *testing.T, c *eventlog.Cursor) (lost int, samples []uint64) {
	t.Helper()
	stream := bytes.NewBuffer(slices.Clone(opening))
	for !c.CaughtUp() {
		run := c.Next()
		stream.Write(run)
		require.True(t, c.Wrote(len(run)))
	}
	dec := payload.NewDecoder(stream)
	for {
		var pl payload.Payload
		err := dec.Decode(&pl)
		if err == io.EOF {
			return lost, samples
		}
		require.NoError(t, err)
		if pl.Type == payload.RecordLost {
			require.NotZero(t, pl.Lost)
			require.Equal(t, payload.CPULostByReader, pl.CPU)
			lost += int(pl.Lost)
			continue
		}
		samples = append(samples, binary.NativeEndian.Uint64(pl.Data))
	}
}
