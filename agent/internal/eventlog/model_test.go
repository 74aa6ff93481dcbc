// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

// model is a log, and what it ought to be: a list of everything that was appended.
type model struct {
	t           *testing.T
	log         *eventlog.Log
	size, bytes int

	frames    [][]byte // the encoded payloads
	sums      []uint64 // events before each of them, and before the next
	committed int      // of frames
	fresh     [][]byte // Data in the log since the last commit
	kept      []keptData
	readers   []*reader
}

// keptData is Data that somebody keeps, and what it was.
type keptData struct{ data, want []byte }

func newModel(t *testing.T, size, bytes int) *model {
	return &model{t: t, log: eventlog.New(size, bytes), size: size, bytes: bytes, sums: []uint64{0}}
}

// append appends pl, as the agent does: it commits when it is time to.
func (m *model) append(pl *payload.Payload) {
	if m.log.Full() {
		m.commit()
	}
	events := uint64(1)
	if pl.Type == payload.RecordLost {
		events = pl.Lost
	}
	m.frames = append(m.frames, payload.AppendValue(nil, pl))
	m.sums = append(m.sums, m.sums[len(m.frames)-1]+events)
	if data := m.log.Append(pl); data != nil {
		m.fresh = append(m.fresh, data)
	}
}

func (m *model) commit() {
	m.log.Commit()
	m.committed = len(m.frames)
	m.fresh = nil
}

// retain keeps what was appended since the last commit.
func (m *model) retain() {
	if len(m.fresh) == 0 {
		return
	}
	m.log.Retain()
	for _, data := range m.fresh {
		m.kept = append(m.kept, keptData{data, bytes.Clone(data)})
	}
}

// check checks what holds at any time.
func (m *model) check() {
	require.Equal(m.t, m.sums[m.committed], m.log.Accepted())
	for _, r := range m.readers {
		require.Equal(m.t, m.log.Accepted(), r.start+r.cursor.Delivered()+r.cursor.Lost()+r.cursor.Lag())
		require.Equal(m.t, r.cursor.Lag() == 0 && r.whole(), r.cursor.CaughtUp())
	}
	// The newest events are kept beside the other ends of cut ones, of which there can be as many as
	// there is room for.
	least, most := m.rests()
	require.LessOrEqual(m.t, m.log.Memory(), m.bytes+min(most, m.bytes/2))
	for _, frame := range m.frames[max(0, m.committed-1):] {
		least += len(frame)
	}
	require.GreaterOrEqual(m.t, m.log.Memory(), least)
}

// rests returns how many bytes the log keeps at least, and at most, for readers of payloads that were
// cut.
func (m *model) rests() (least, most int) {
	for _, r := range m.readers {
		atLeast, atMost := r.rest()
		least += atLeast
		most += atMost
	}
	return least, most
}

// end reads everything, and checks what was kept.
func (m *model) end() {
	m.commit()
	for _, r := range slices.Clone(m.readers) {
		if r.writing() {
			r.wrote(len(r.run))
		}
		for !r.closed && !r.cursor.CaughtUp() {
			r.next()
			r.wrote(len(r.run))
		}
		if !r.closed {
			require.Equal(m.t, m.committed, r.index, "what a reader that has caught up was told")
			require.Equal(m.t, r.delivered, r.cursor.Delivered())
			require.Equal(m.t, r.lost, r.cursor.Lost())
			require.Empty(m.t, r.unread)
			r.close()
		}
	}
	m.check()
	largest := 0
	for _, frame := range m.frames {
		largest = max(largest, len(frame))
	}
	require.LessOrEqual(m.t, m.log.Memory(), min(m.bytes, 4*eventlog.SegmentSize)/4+largest, "memory for nobody")
	for _, k := range m.kept {
		require.Equal(m.t, k.want, k.data, "data that somebody keeps")
	}
}
