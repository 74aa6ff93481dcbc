// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

// told is a payload that a reader was told of, and its time.
type told struct {
	frame []byte
	time  int64
}

// rewind moves a cursor back by so many payloads, and returns them as a reader is told of them later: the oldest first.
func rewind(c *eventlog.Cursor, n int) (passed []told) {
	c.Rewind(func(frame []byte, at int64) bool {
		if len(passed) == n {
			return false
		}
		passed = append([]told{{bytes.Clone(frame), at}}, passed...)
		return true
	})
	return passed
}

// readTold reads all that a cursor has, and what is told beside it.
func readTold(t *testing.T, c *eventlog.Cursor) (all []told) {
	t.Helper()
	for !c.CaughtUp() {
		run := c.Next()
		require.NotEmpty(t, run)
		read := 0
		for n := 0; read < len(run); n++ {
			var pl payload.Payload
			size, err := payload.DecodeValue(run[read:], &pl)
			require.NoError(t, err)
			at, _ := c.Time(n)
			all = append(all, told{bytes.Clone(run[read : read+size]), at})
			read += size
		}
		require.True(t, c.Wrote(len(run)))
	}
	require.Empty(t, c.Next())
	return all
}

// appendRandom appends events and losses for two classes, and returns what is for each, and how many events that is.
func appendRandom(log *eventlog.Log, n int) (all [2][]told, events [2]uint64) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		at := int64(1000 * (i + 1))
		log.SetTime(at)
		pl := &payload.Payload{Data: binary.LittleEndian.AppendUint32(nil, uint32(i)), Type: payload.EventSample}
		count := uint64(1)
		if i%7 == 0 {
			count = uint64(i + 1)
			pl = &payload.Payload{Lost: count, Type: payload.RecordLost}
		}
		log.Append(pl)
		classes := eventlog.Classes(1 + rnd.IntN(3))
		log.Narrow(classes)
		for class := range all {
			if classes.Has(class) {
				all[class] = append(all[class], told{payload.AppendValue(nil, pl), at})
				events[class] += count
			}
		}
		if i%3 == 0 {
			log.Commit()
		}
	}
	log.Commit()
	return all, events
}

// TestRewind moves cursors back by any number of payloads, over many segments of a log that has dropped others: they come by what is for their class,
// the newest first, with its time, and are told of just that afterwards.
func TestRewind(t *testing.T) {
	log := eventlog.New(400, plenty) // of segments of 50 events
	for class := range 2 {
		defer log.NewCursor(class, nil).Close()
	}
	all, _ := appendRandom(log, 1000)
	for class := range all {
		for n := range 200 {
			c := log.NewCursor(class, nil)
			want := all[class][len(all[class])-n:]
			require.Equal(t, want, append([]told{}, rewind(c, n)...))
			require.Zero(t, c.Delivered())
			require.Zero(t, c.Lost())
			c.StopHere()
			lag := c.Lag()
			require.Equal(t, want, append([]told{}, readTold(t, c)...), "%d of class %d", n, class)
			require.Equal(t, lag, c.Delivered())
			require.Zero(t, c.Lost())
			c.Close()
		}
	}
}

// TestRewindToAll moves a cursor back to the beginning: what it lags behind by is all that there is.
func TestRewindToAll(t *testing.T) {
	log := eventlog.New(400, plenty) // of segments of 50 events
	for class := range 2 {
		defer log.NewCursor(class, nil).Close()
	}
	all, events := appendRandom(log, 300)
	for class := range all {
		c := log.NewCursor(class, nil)
		require.Len(t, rewind(c, len(all[class])), len(all[class]))
		require.Equal(t, events[class], c.Lag())
		require.Empty(t, rewind(c, 1), "there is nothing before it")
		require.Equal(t, all[class], readTold(t, c))
		require.Equal(t, events[class], c.Delivered())
		c.Close()
	}
}

// TestRewindOfNothing has nothing to go back to: the log is empty, or has dropped what is before the cursor.
func TestRewindOfNothing(t *testing.T) {
	log := eventlog.New(1, plenty)
	c := log.NewCursor(0, nil)
	defer c.Close()
	require.Empty(t, rewind(c, 1))
	for i := range 10 {
		appendSample(log, uint64(i))
	}
	require.Empty(t, rewind(c, 1))
	lost, samples := read(t, c)
	require.Equal(t, 9, lost)
	require.Equal(t, []uint64{9}, samples)
}

// TestRewindHoldsWhatItHas drops the segment that a cursor is moved back in, and goes through many more: what it has in
// hand stays, it ends there, and is told that it missed the rest.
func TestRewindHoldsWhatItHas(t *testing.T) {
	log := eventlog.New(16, plenty) // of segments of two events
	other := log.NewCursor(0, nil)
	defer other.Close()
	for i := range 16 {
		appendSample(log, uint64(i))
	}
	c := log.NewCursor(0, nil)
	defer c.Close()
	var passed []uint64
	c.Rewind(func(frame []byte, _ int64) bool {
		before := bytes.Clone(frame)
		for i := range 100 {
			appendSample(log, uint64(100+i))
		}
		require.Equal(t, before, frame)
		var pl payload.Payload
		_, err := payload.DecodeValue(frame, &pl)
		require.NoError(t, err)
		passed = append(passed, binary.NativeEndian.Uint64(pl.Data))
		return true
	})
	require.Equal(t, []uint64{15, 14}, passed)
	lost, samples := read(t, c)
	require.Equal(t, 2+200, lost+len(samples))
	require.GreaterOrEqual(t, len(samples), 16)
}

// TestRewindGivesBack has the log use a segment again that a cursor was moved back in.
func TestRewindGivesBack(t *testing.T) {
	log := eventlog.New(1000, plenty)
	idle := log.NewCursor(0, nil)
	appendSample(log, 0)
	one := log.Memory()
	c := log.NewCursor(0, nil)
	require.Len(t, rewind(c, 2), 1)
	require.Len(t, rewind(c, 2), 0)
	c.Close()
	idle.Close()
	for range 10_000 {
		before := log.Memory()
		appendSample(log, 0)
		if log.Memory() > before {
			require.InDelta(t, 2*one, log.Memory(), 8, "the second segment, and the first one to use again")
			return
		}
	}
	require.Fail(t, "it is all one segment")
}

// TestStopHere ends a cursor where the log ends: it is told of nothing that comes later, also if the log drops
// what it has not come to.
func TestStopHere(t *testing.T) {
	log := eventlog.New(16, plenty)
	c, behind, late := log.NewCursor(0, nil), log.NewCursor(0, nil), log.NewCursor(0, nil)
	for _, c := range []*eventlog.Cursor{c, behind, late} {
		defer c.Close()
	}
	for i := range 5 {
		appendSample(log, uint64(i))
	}
	c.StopHere()
	behind.StopHere()
	appendSample(log, 5)
	require.EqualValues(t, 5, c.Lag())
	_, samples := read(t, c)
	require.Equal(t, []uint64{0, 1, 2, 3, 4}, samples)
	require.Empty(t, c.Next())
	require.True(t, c.CaughtUp())
	require.EqualValues(t, 5, c.Delivered())

	for i := range 100 {
		appendSample(log, uint64(6+i))
	}
	require.True(t, c.CaughtUp())
	require.Empty(t, c.Next())
	require.Zero(t, c.Lost())
	lost, samples := read(t, behind)
	require.Equal(t, 5, lost)
	require.Empty(t, samples)
	require.EqualValues(t, 5, behind.Lost())
	require.Zero(t, behind.Lag())
	lost, samples = read(t, late)
	require.Equal(t, 106, lost+len(samples))
}

// TestKept tells how many payloads there are, and the time of the oldest.
func TestKept(t *testing.T) {
	log := eventlog.New(4, plenty)
	c := log.NewCursor(0, nil)
	defer c.Close()
	kept := func(wantPayloads int, wantOldest int64) {
		t.Helper()
		payloads, oldest := log.Kept()
		require.Equal(t, wantPayloads, payloads)
		require.Equal(t, wantOldest, oldest)
	}
	kept(0, 0)
	log.Append(&payload.Payload{Data: make([]byte, 1), Type: payload.EventSample})
	log.Narrow(0)
	log.Commit()
	kept(0, 0)
	log.SetTime(10)
	log.Append(&payload.Payload{Lost: 7, Type: payload.RecordLost})
	kept(0, 0)
	log.Commit()
	kept(1, 10)
	for i := range 20 {
		log.SetTime(int64(11 + i))
		appendSample(log, uint64(i))
	}
	kept(4, 27)
	log.Append(&payload.Payload{Data: make([]byte, 1), Type: payload.EventSample})
	log.Narrow(0)
	log.Commit()
	kept(4, 27)
}

// TestTimesDiffer has times that do not go back unless the clock does, by more than a second.
func TestTimesDiffer(t *testing.T) {
	const second = int64(1e9)
	log := eventlog.New(1000, plenty)
	c := log.NewCursor(0, nil)
	defer c.Close()
	next := func(want int64) {
		t.Helper()
		appendSample(log, 0)
		run := c.Next()
		at, ok := c.Time(0)
		require.True(t, ok)
		require.Equal(t, want, at)
		require.True(t, c.Wrote(len(run)))
	}
	log.SetTime(10 * second)
	next(10 * second)
	next(10*second + 1)
	log.SetTime(10 * second)
	next(10*second + 2)
	log.SetTime(10*second + 2)
	next(10*second + 3)
	log.SetTime(9*second + 4) // a second less than what is next
	next(10*second + 4)
	log.SetTime(9*second + 4)
	next(9*second + 4)
	log.SetTime(9*second + 6)
	next(9*second + 6)
}

// TestSkipTo moves a cursor that was moved back on to a segment that it came by: it is told of what is from there on.
func TestSkipTo(t *testing.T) {
	log := eventlog.New(80, plenty) // of segments of 10 events
	defer log.NewCursor(0, nil).Close()
	for i := range 60 {
		appendSample(log, uint64(i))
	}
	c := log.NewCursor(0, nil)
	defer c.Close()
	segments := make(map[uint64]uint64) // of the first event of each
	n := uint64(60)
	c.Rewind(func([]byte, int64) bool {
		n--
		segments[c.Segment()] = n
		return true
	})
	c.StopHere()
	first := c.Segment()
	require.Len(t, segments, 6)
	c.SkipTo(first + 2)
	c.SkipTo(first) // it does not go back
	require.Equal(t, first+2, c.Segment())
	require.EqualValues(t, 60-segments[first+2], c.Lag())
	run := c.Next()
	require.NotEmpty(t, run)
	require.True(t, c.Wrote(0))
	for i := range 30 { // until the log has dropped that
		appendSample(log, uint64(60+i))
	}
	c.SkipTo(first + 2)
	lost, samples := read(t, c)
	require.Equal(t, 60, int(segments[first+2])+lost+len(samples))
	require.Zero(t, c.Lag())
}
