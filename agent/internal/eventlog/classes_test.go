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

// classReader reads what is for one class, and holds it against what was appended for it.
type classReader struct {
	class     int
	cursor    *eventlog.Cursor
	unread    []byte
	next      int // of the events for its class, the one that it was not told of
	delivered uint64
	lost      uint64
}

// TestClasses appends events for random sets of classes, and reads them with cursors of several
// classes that take any number of bytes: each gets what is for its class, in order, or is told how
// many of these it lost, and nothing of what is for others.
func TestClasses(t *testing.T) {
	const classes = 5
	rnd := rand.New(rand.NewPCG(1, 2))
	log := eventlog.New(64, plenty)
	var events [classes][]uint32 // numbers of the events for each class
	var committed [classes]int
	readers := []*classReader{}
	open := func(class int) {
		readers = append(readers, &classReader{class: class, cursor: log.NewCursor(class, nil), next: committed[class]})
	}
	for class := range classes {
		open(class)
		open(class)
	}
	read := func(r *classReader, most int) {
		run := r.cursor.Next()
		if len(run) == 0 {
			return
		}
		n := min(most, len(run))
		r.unread = append(r.unread, run[:n]...)
		require.True(t, r.cursor.Wrote(n))
		for len(r.unread) > 0 {
			var pl payload.Payload
			size, err := payload.DecodeValue(r.unread, &pl)
			if err != nil {
				return // cut
			}
			r.unread = r.unread[size:]
			if pl.Type == payload.RecordLost {
				r.next += int(pl.Lost)
				r.lost += pl.Lost
				continue
			}
			require.Equal(t, events[r.class][r.next], binary.LittleEndian.Uint32(pl.Data))
			r.next++
			r.delivered++
		}
	}
	for number := range uint32(20_000) {
		few := rnd.Uint64()
		few &= rnd.Uint64()
		set := eventlog.Classes(few % (1 << classes))
		log.Append(&payload.Payload{Data: binary.LittleEndian.AppendUint32(nil, number), Type: payload.EventSample})
		log.Narrow(set)
		for class := range classes {
			if set.Has(class) {
				events[class] = append(events[class], number)
			}
		}
		if rnd.IntN(3) == 0 {
			log.Commit()
			for class := range classes {
				committed[class] = len(events[class])
			}
		}
		if r := readers[rnd.IntN(len(readers))]; rnd.IntN(4) == 0 {
			read(r, 1+rnd.IntN(100))
		}
		if rnd.IntN(50) == 0 { // at its end, in the middle of what others have
			i := rnd.IntN(len(readers))
			class := readers[i].class
			readers[i].cursor.Close()
			readers = append(readers[:i], readers[i+1:]...)
			open(class)
		}
	}
	log.Commit()
	var lost uint64
	for _, r := range readers {
		for !r.cursor.CaughtUp() {
			read(r, 1+rnd.IntN(1000))
		}
		require.Equal(t, len(events[r.class]), r.next, "class %d", r.class)
		require.Empty(t, r.unread)
		require.Equal(t, r.delivered, r.cursor.Delivered())
		require.Equal(t, r.lost, r.cursor.Lost())
		require.Zero(t, r.cursor.Lag())
		lost += r.lost
		r.cursor.Close()
	}
	require.NotZero(t, lost)
}

// TestUnwantedEvent takes the last event out of the log again: it is not counted, and takes no room.
func TestUnwantedEvent(t *testing.T) {
	log := eventlog.New(1000, plenty)
	c := log.NewCursor(0, nil)
	defer c.Close()
	appendSample(log, 0)
	before := log.Memory()
	for range 100_000 {
		log.Append(&payload.Payload{Data: bytes.Repeat([]byte{1}, 100), Type: payload.EventSample})
		log.Narrow(0)
	}
	log.Commit()
	require.Equal(t, before, log.Memory())
	require.EqualValues(t, 1, log.Accepted())
	require.EqualValues(t, 1, c.Lag())
}

// TestTime has the times of events beside them, and none beside a loss that is the reader's own.
func TestTime(t *testing.T) {
	log := eventlog.New(2, plenty)
	c, late := log.NewCursor(3, nil), log.NewCursor(3, nil)
	defer c.Close()
	defer late.Close()
	for i := range 4 {
		log.SetTime(int64(10 + i))
		log.Append(&payload.Payload{Data: []byte{byte(i)}, Type: payload.EventSample})
		log.Commit()
		run := c.Next()
		var pl payload.Payload
		n, err := payload.DecodeValue(run, &pl)
		require.NoError(t, err)
		require.Len(t, run, n)
		at, ok := c.Time(0)
		require.True(t, ok)
		require.EqualValues(t, 10+i, at)
		require.True(t, c.Wrote(n))
	}
	loss := late.Next()
	_, ok := late.Time(0)
	require.False(t, ok)
	late.Wrote(len(loss))
	require.EqualValues(t, 2, late.Lost())
	run := late.Next()
	at, ok := late.Time(0)
	require.True(t, ok)
	require.EqualValues(t, 12, at)
	late.Wrote(len(run))
}
