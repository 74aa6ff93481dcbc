// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var opening = payload.AppendTypeInfo(nil)

// plenty is a bound in bytes that no test reaches.
const plenty = 1 << 30

// TestAccounting has cursors of every temper read while events are appended, and
// checks that each of them is told of every event, in order: once it has
// caught up, it has each as delivered or in a loss that stands in its place.
func TestAccounting(t *testing.T) {
	for _, bound := range []struct{ size, bytes int }{
		{1, plenty}, {2, plenty}, {7, plenty}, {64, plenty}, {1000, plenty},
		{1000, 128 << 10}, {1 << 20, 256 << 10}, {1 << 20, 1 << 20},
	} {
		log, size := eventlog.New(bound.size, bound.bytes), min(bound.size, 1000)
		for range 3 { // a history that cursors know nothing of
			appendEvent(log)
		}
		var readers []*client
		var sum uint64
		for range 1000 {
			if len(readers) < 20 && rand.IntN(10) == 0 {
				readers = append(readers, &client{cursor: log.NewCursor(0, opening), next: log.Accepted()})
			}
			for range rand.IntN(2 * max(1, size/8)) {
				sum += appendEvent(log)
			}
			for _, r := range readers {
				if rand.IntN(8) == 0 {
					r.take(rand.IntN(1 << rand.IntN(16)))
				}
			}
			require.LessOrEqual(t, log.Memory(), bound.bytes)
		}
		for _, r := range readers {
			r.take(1 << 30)
			require.True(t, r.cursor.CaughtUp())
			r.check(t, log.Accepted())
			r.cursor.Close()
		}
	}
}

// TestConcurrently is the same with goroutines, for the race detector.
func TestConcurrently(t *testing.T) {
	log := eventlog.New(100, plenty)
	var readers sync.WaitGroup
	var stop atomic.Bool
	for range 8 {
		c := &client{cursor: log.NewCursor(0, opening)}
		readers.Go(func() {
			for !stop.Load() {
				c.take(rand.IntN(1 << rand.IntN(16)))
			}
			c.take(1 << 30)
			c.check(t, log.Accepted())
			c.cursor.Close()
		})
	}
	for range 5000 {
		appendEvent(log)
	}
	stop.Store(true)
	readers.Wait()
}

// TestKeepsSize checks that a cursor which does not read misses nothing as long as
// it is no further behind than the size of the log.
func TestKeepsSize(t *testing.T) {
	for _, size := range []int{1, 2, 7, 8, 9, 64, 1000, 16384} {
		log := eventlog.New(size, plenty)
		for i := range 3 * size / 2 { // wherever the segments begin
			appendSample(log, uint64(i))
		}
		c := log.NewCursor(0, nil)
		for i := range size {
			appendSample(log, uint64(i))
		}
		for !c.CaughtUp() {
			c.Wrote(len(c.Next()))
		}
		require.EqualValues(t, size, c.Delivered(), "size %d", size)
		require.Zero(t, c.Lost())
	}
}

// TestStalledCursorsKeepNothing checks that what is in memory does not depend on
// cursors that do not read.
func TestStalledCursorsKeepNothing(t *testing.T) {
	log := eventlog.New(100, plenty)
	for range 1000 {
		c := log.NewCursor(0, opening)
		defer c.Close()
		appendSample(log, 0)
		c.Wrote(len(c.Next()))
		c.Wrote(min(5, len(c.Next()))) // cuts a payload
	}
	require.LessOrEqual(t, log.Memory(), 20*eventlog.SegmentSize)
}

// TestBoundedInBytes appends events of each size that there is, of which readers take a part, or
// some, or none, and losses, which are the smallest. The log never takes more than its bytes, and
// keeps as many events as it can.
func TestBoundedInBytes(t *testing.T) {
	const bytes = 4 << 20
	for _, size := range []int{0, 10, 200, 4000, 32 << 10, 33 << 10, 64<<10 - 1, 1 << 20} {
		log := eventlog.New(1<<20, bytes)
		idle := log.NewCursor(0, nil)
		defer idle.Close()
		for range 4 * bytes / max(size, 10) {
			if log.Full() {
				log.Commit()
				require.False(t, log.Full())
			}
			if size == 0 {
				log.Append(&payload.Payload{Lost: 1, Type: payload.RecordLost})
			} else {
				log.Sample(size, 0)
			}
			if n := log.Memory(); n > bytes {
				t.Fatalf("%d bytes of memory for events of %d bytes", n, size)
			}
		}
		log.Commit()
		for !idle.CaughtUp() {
			require.True(t, idle.Wrote(len(idle.Next())))
		}
		require.NotZero(t, idle.Lost())
		// The worst are events that are little more than half a segment, and tiny ones.
		require.Greater(t, int(idle.Delivered())*max(size, 10), bytes/8, "events of %d bytes", size)
	}
}

// TestCutPayloadsAreBounded has ever more cursors of which each keeps the other end of a large
// event: the log keeps less itself for them, and refuses once there is no room.
func TestCutPayloadsAreBounded(t *testing.T) {
	const bytes, event = 4 << 20, 256 << 10
	log := eventlog.New(1000, bytes)
	var cursors []*eventlog.Cursor
	refused := false
	for range 100 {
		c := log.NewCursor(0, nil)
		log.Sample(event, 0)
		log.Commit()
		c.Next()
		if !c.Wrote(1) {
			refused = true
			c.Close()
			break
		}
		cursors = append(cursors, c)
		require.LessOrEqual(t, log.Memory(), bytes)
	}
	require.True(t, refused)
	require.Greater(t, len(cursors), bytes/event/2)
	for _, c := range cursors {
		c.Close()
	}
	require.LessOrEqual(t, log.Memory(), 2*event+2*eventlog.SegmentSize, "only the newest event is left")
	c := log.NewCursor(0, nil)
	defer c.Close()
	log.Sample(event, 0)
	log.Commit()
	c.Next()
	require.True(t, c.Wrote(1), "there is room again")
	for !c.CaughtUp() {
		require.True(t, c.Wrote(min(1000, len(c.Next()))))
	}
	require.EqualValues(t, 1, c.Delivered())
}

// TestKeptDataNeverChanges checks that data which was handed on is not written over.
func TestKeptDataNeverChanges(t *testing.T) {
	log := eventlog.New(10, plenty)
	c := log.NewCursor(0, nil)
	defer c.Close()
	kept := map[int][]byte{}
	for i := range 10000 {
		data := log.Sample(8, 0)
		binary.NativeEndian.PutUint64(data, uint64(i))
		if i%7 == 0 {
			kept[i] = data
			log.Retain()
		}
		log.Commit()
	}
	for i, data := range kept {
		require.EqualValues(t, i, binary.NativeEndian.Uint64(data))
	}
}

// TestLargeEvents checks events that are larger than a segment.
func TestLargeEvents(t *testing.T) {
	log := eventlog.New(4, plenty)
	c := log.NewCursor(0, opening)
	defer c.Close()
	want := bytes.Repeat([]byte{7}, 3*eventlog.SegmentSize)
	log.Append(&payload.Payload{Data: []byte{1}, Type: payload.EventSample})
	log.Append(&payload.Payload{Data: want, Type: payload.EventSample})
	log.Append(&payload.Payload{Data: []byte{2}, Type: payload.EventSample})
	log.Commit()
	var stream bytes.Buffer
	for !c.CaughtUp() {
		n, _ := stream.Write(c.Next())
		c.Wrote(n)
	}
	dec := payload.NewDecoder(&stream)
	var pl payload.Payload
	for _, want := range [][]byte{{1}, want, {2}} {
		require.NoError(t, dec.Decode(&pl))
		require.Equal(t, want, pl.Data)
	}
}

// TestNothingAllocated appends and reads several segments of events at a time: their memory is that of
// earlier ones, also after some of it was retained.
func TestNothingAllocated(t *testing.T) {
	log := eventlog.New(2048, plenty)
	c := log.NewCursor(0, nil)
	defer c.Close()
	events := func() {
		for range 1000 {
			log.Sample(176, 1)
			log.Commit()
			c.Wrote(len(c.Next()))
		}
	}
	events()
	log.Retain()
	for range 10 {
		events()
	}
	require.Zero(t, testing.AllocsPerRun(10, events))
}

// client reads from a cursor what a socket would take.
type client struct {
	cursor *eventlog.Cursor
	stream bytes.Buffer
	next   uint64 // the first event it is owed
}

func (c *client) take(n int) {
	for n > 0 {
		run := c.cursor.Next()
		if len(run) == 0 {
			return
		}
		took := min(n, len(run))
		c.stream.Write(run[:took])
		c.cursor.Wrote(took)
		n -= took
	}
}

// check decodes the stream: samples carry their number, so those between must be
// accounted for by losses.
func (c *client) check(t *testing.T, end uint64) {
	var delivered, lost uint64
	next := c.next
	dec := payload.NewDecoder(&c.stream)
	for {
		var pl payload.Payload
		err := dec.Decode(&pl)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch {
		case pl.Type == payload.EventSample:
			require.Equal(t, next, binary.NativeEndian.Uint64(pl.Data))
			next++
			delivered++
		case pl.CPU == payload.CPULostByReader:
			next += pl.Lost
			lost += pl.Lost
		default: // a loss of the datapath carries the number of the first one
			require.EqualValues(t, next%1000, pl.CPU)
			next += pl.Lost
			delivered += pl.Lost
		}
	}
	require.Equal(t, end, next)
	require.Equal(t, c.cursor.Delivered(), delivered)
	require.Equal(t, c.cursor.Lost(), lost)
}

// appendEvent appends a sample, or now and then a loss, and returns how many events that is.
func appendEvent(log *eventlog.Log) uint64 {
	number := log.Accepted()
	if rand.IntN(50) == 0 {
		lost := 1 + rand.Uint64N(100)
		log.Append(&payload.Payload{CPU: int(number % 1000), Lost: lost, Type: payload.RecordLost})
		log.Commit()
		return lost
	}
	appendSample(log, number)
	return 1
}

func appendSample(log *eventlog.Log, number uint64) {
	data := log.Sample(8+rand.IntN(300), 1)
	binary.NativeEndian.PutUint64(data, number)
	log.Commit()
}

func BenchmarkSample(b *testing.B) {
	log := eventlog.New(2048, plenty)
	sample := make([]byte, 176)
	c := log.NewCursor(0, nil)
	defer c.Close()
	b.ReportAllocs()
	b.SetBytes(int64(len(sample)))
	for i := 0; b.Loop(); i++ {
		copy(log.Sample(len(sample), 1), sample)
		if i%64 == 0 {
			log.Commit()
		}
	}
}
