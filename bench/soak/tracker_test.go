// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/testutils"
)

// trace returns an event that is emitted in the far future.
func trace(number uint64) []byte { return traceAt(number, 1<<62) }

func traceAt(number, emitted uint64) []byte {
	data := make([]byte, testutils.TraceLen)
	data[0] = api.MessageTypeTrace
	copy(data[generatorAddress:], []byte{10, 0, 0, 1})
	binary.NativeEndian.PutUint64(data[testutils.TraceSequenceOffset:], number)
	binary.NativeEndian.PutUint64(data[testutils.TraceTimestampOffset:], emitted)
	return data
}

func notify(t *testing.T, msg api.AgentNotifyMessage) []byte {
	encoded, err := msg.ToJSON()
	require.NoError(t, err)
	return encoded.Append(nil)
}

// TestTrackerTellsWhatIsMissing has gaps in the numbers of a CPU and of a sender, of which some are told.
func TestTrackerTellsWhatIsMissing(t *testing.T) {
	tr := newTracker()
	for _, number := range []uint64{7, 8, 12} { // 9, 10 and 11 are missing
		tr.sample(trace(number), 1)
	}
	tr.sample(trace(100), 0) // another CPU has its own numbers
	require.EqualValues(t, 3, tr.Untold())
	tr.payload(&payload.Payload{Type: payload.RecordLost, CPU: 1, Lost: 3})
	require.Zero(t, tr.Untold())

	tr.sample(notify(t, api.GenericMessage(marked(3, 1)+"padding")), 0)
	tr.text(marked(3, 4))
	require.EqualValues(t, 2, tr.Untold())
	tr.payload(&payload.Payload{Type: payload.RecordLost, CPU: payload.CPULostByReader, Lost: 2})
	require.Zero(t, tr.Untold())
	require.Equal(t, Tally{Traces: 4, User: 2, LostInRing: 3, LostInQueue: 2, Missing: 5}, tr.Tally)
	require.EqualValues(t, 11, tr.Total())
}

// TestTrackerBeginsWithItsOwnTime has events come that were emitted before the first one came: others were
// told what is missing between them.
func TestTrackerBeginsWithItsOwnTime(t *testing.T) {
	tr := newTracker()
	for number := range uint64(3) {
		tr.payload(&payload.Payload{Data: traceAt(10*number, 1), Type: payload.EventSample})
	}
	require.Zero(t, tr.Untold())
	for number := range uint64(3) {
		tr.payload(&payload.Payload{Data: traceAt(100+10*number, 1<<62), Type: payload.EventSample})
	}
	require.EqualValues(t, 18, tr.Untold())
}

// TestTrackerTellsDisorder has numbers come late, twice, and begin anew.
func TestTrackerTellsDisorder(t *testing.T) {
	tr := newTracker()
	for _, number := range []uint64{5, 5, 4, 6} {
		tr.text(marked(0, number))
	}
	require.EqualValues(t, 2, tr.Disorder)
	for _, number := range []uint64{5, 0, 1} {
		tr.sample(trace(number), 0)
	}
	require.EqualValues(t, 1, tr.Restarts)
	require.Zero(t, tr.Missing)
}

// TestTrackerKnowsWhoseEventsTheyAre has one of each kind.
func TestTrackerKnowsWhoseEventsTheyAre(t *testing.T) {
	tr := newTracker()
	tr.sample(append(sampleMark, 0, 0), 0)
	tr.sample([]byte{api.MessageTypeTrace, 0}, 0)
	tr.sample(notify(t, api.MonitorNotice("source x")), 0)
	tr.sample(notify(t, api.GenericMessage("somebody else's")), 0)
	tr.sample(nil, 0)
	require.Equal(t, Tally{Samples: 1, Device: 1, Notices: 1, Strange: 2}, tr.Tally)
}

// TestFlat has memory grow, and not.
func TestFlat(t *testing.T) {
	course := func(of func(n int) uint64) promise {
		var o outcome
		for n := range 100 {
			o.samples = append(o.samples, Memory{Heap: of(n)})
		}
		return o.flat("", func(m Memory) uint64 { return m.Heap })
	}
	require.True(t, course(func(int) uint64 { return 30 << 20 }).kept)
	require.True(t, course(func(n int) uint64 { return uint64(min(n, 20)) << 20 }).kept, "it grows at first only")
	require.False(t, course(func(n int) uint64 { return uint64(n) << 20 }).kept)
	require.True(t, (&outcome{}).flat("", nil).open)
}
