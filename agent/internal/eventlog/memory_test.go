// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

// TestNobodyReads appends without a cursor, which keeps one segment, and one to begin the next one with.
func TestNobodyReads(t *testing.T) {
	log := eventlog.New(1000, plenty)
	appendSample(log, 0)
	one := log.Memory()
	require.NotZero(t, one)
	for range 10000 {
		appendSample(log, 0)
	}
	require.Equal(t, 2*one, log.Memory())
	c := log.NewCursor(0, nil)
	for range 1000 {
		appendSample(log, 0)
	}
	require.Greater(t, log.Memory(), 4*one)
	c.Close()
	require.InDelta(t, 2*one, log.Memory(), 2*8, "each segment knows how many events a class had before")
}

// TestUnusedClasses has a class that nobody is in any more cost nothing: segments know how many events each class that
// somebody is in had before.
func TestUnusedClasses(t *testing.T) {
	memory := func(before func(log *eventlog.Log)) int {
		log := eventlog.New(1000, plenty)
		before(log)
		defer log.NewCursor(0, nil).Close()
		for range 1000 {
			appendSample(log, 0)
		}
		return log.Memory()
	}
	least := memory(func(*eventlog.Log) {})
	most := memory(func(log *eventlog.Log) { t.Cleanup(log.NewCursor(63, nil).Close) })
	require.GreaterOrEqual(t, most, least+8*63*8, "in 8 segments")
	require.Equal(t, least, memory(func(log *eventlog.Log) {
		first, second := log.NewCursor(63, nil), log.NewCursor(63, nil)
		first.Close()
		second.Close()
	}))
	require.Equal(t, most, memory(func(log *eventlog.Log) {
		first := log.NewCursor(63, nil)
		t.Cleanup(log.NewCursor(63, nil).Close)
		first.Close()
	}))
}

// TestOtherClassesStay has the last cursor of a class leave: events count for those of other classes as before.
func TestOtherClassesStay(t *testing.T) {
	log := eventlog.New(1000, plenty)
	first, second := log.NewCursor(3, nil), log.NewCursor(5, nil)
	defer second.Close()
	appendSample(log, 0)
	first.Close()
	appendSample(log, 0)
	require.EqualValues(t, 2, second.Lag())
}

// TestMemory checks that all counts which a log takes: whole segments, from when they are begun, and what
// it keeps for each event beside its bytes.
func TestMemory(t *testing.T) {
	const mark = 32
	log := eventlog.New(1<<20, plenty)
	require.Zero(t, log.Memory())
	log.Append(&payload.Payload{Lost: 1, Type: payload.RecordLost})
	require.GreaterOrEqual(t, log.Memory(), eventlog.SegmentSize+mark)
	require.LessOrEqual(t, log.Memory(), 5*eventlog.SegmentSize/4, "little more for one event")
	for range 2000 {
		log.Append(&payload.Payload{Lost: 1, Type: payload.RecordLost})
	}
	log.Commit()
	require.GreaterOrEqual(t, log.Memory(), eventlog.SegmentSize+2000*mark)
}

// TestFilledLater fills events only once others were appended, which must not have moved them,
// wherever segments end.
func TestFilledLater(t *testing.T) {
	log := eventlog.New(1<<20, plenty)
	c := log.NewCursor(0, opening)
	defer c.Close()
	var batch [][]byte
	var want [][]byte
	for i := range 1000 {
		content := bytes.Repeat([]byte{byte(i)}, 1+i%700)
		want = append(want, content)
		batch = append(batch, log.Sample(len(content), 1))
		if len(batch) == 100 {
			for j, data := range batch {
				copy(data, want[len(want)-len(batch)+j])
			}
			log.Commit()
			batch = nil
		}
	}
	var stream bytes.Buffer
	for !c.CaughtUp() {
		n, _ := stream.Write(c.Next())
		c.Wrote(n)
	}
	dec := payload.NewDecoder(&stream)
	for _, content := range want {
		var pl payload.Payload
		require.NoError(t, dec.Decode(&pl))
		require.Equal(t, content, pl.Data)
	}
}

// TestAppendedCopy checks that the log has a copy of what was appended, and returns it.
func TestAppendedCopy(t *testing.T) {
	log := eventlog.New(10, plenty)
	c := log.NewCursor(0, opening)
	defer c.Close()
	given := []byte{1, 2, 3}
	data := log.Append(&payload.Payload{Data: given, Type: payload.EventSample})
	require.Equal(t, given, data)
	given[0], data[1] = 8, 9
	require.Nil(t, log.Append(&payload.Payload{Lost: 1, Type: payload.RecordLost}))
	log.Commit()
	var stream bytes.Buffer
	for !c.CaughtUp() {
		n, _ := stream.Write(c.Next())
		c.Wrote(n)
	}
	var pl payload.Payload
	require.NoError(t, payload.NewDecoder(&stream).Decode(&pl))
	require.Equal(t, []byte{1, 9, 3}, pl.Data)
}
