// SPDX-License-Identifier: Apache-2.0

package eventlog_test

import (
	"bytes"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
)

// reader reads a model's log as a socket that takes any number of bytes does, and checks
// each byte.
type reader struct {
	m      *model
	cursor *eventlog.Cursor
	closed bool
	start  uint64 // events before its first one

	// What is being written, between Next and Wrote, and what that was when it began.
	run, want []byte

	opening []byte // what it has to get before anything else
	unread  []byte // what it got, from the first payload on that is not whole

	// What it was told: the next frame, and the events in those before.
	index           int
	delivered, lost uint64
}

func (m *model) newReader(opening []byte) {
	m.readers = append(m.readers, &reader{
		m: m, cursor: m.log.NewCursor(0, opening), start: m.sums[m.committed], opening: opening, index: m.committed,
	})
}

// next takes the bytes to write.
func (r *reader) next() {
	t, place, lost := r.m.t, r.place(), r.cursor.Lost()
	whole := r.whole()
	r.run = r.cursor.Next()
	r.want = bytes.Clone(r.run)
	skipped := r.place() - place
	if !whole || place == r.m.committed {
		require.Zero(t, skipped)
	}
	require.Equal(t, skipped > 0, r.cursor.Lost() > lost)
	if skipped > 0 && r.m.bytes == plenty {
		require.GreaterOrEqual(t, r.m.committed-r.place(), r.m.size, "payloads are dropped that there is room for")
	}
	if whole {
		require.LessOrEqual(t, r.m.committed-r.place(), r.m.size+max(1, r.m.size/8), "payloads are kept that there is no room for")
	}
}

// place returns the number of frames before the cursor's place.
func (r *reader) place() int {
	n, found := slices.BinarySearch(r.m.sums, r.start+r.cursor.Delivered()+r.cursor.Lost())
	require.True(r.m.t, found, "the place is between two payloads")
	return n
}

// wrote takes the first n bytes.
func (r *reader) wrote(n int) {
	t := r.m.t
	require.Equal(t, r.want, r.run, "bytes that are being written")
	r.unread = append(r.unread, r.run[:n]...)
	r.run, r.want = nil, nil
	for r.readPayload() {
	}
	if !r.cursor.Wrote(n) {
		_, rests := r.m.rests()
		require.Greater(t, rests, r.m.bytes/4, "there is room for the end of a payload")
		r.close()
	}
}

// readPayload reads what comes next, if all of it is there: the opening, the next frame, or the loss
// of any number of frames.
func (r *reader) readPayload() bool {
	t := r.m.t
	if len(r.unread) == 0 {
		return false
	}
	if len(r.opening) > 0 {
		n := min(len(r.opening), len(r.unread))
		require.Equal(t, r.opening[:n], r.unread[:n])
		r.opening, r.unread = r.opening[n:], r.unread[n:]
		return true
	}
	require.Less(t, r.index, r.m.committed, "bytes of what is not committed")
	frame := r.m.frames[r.index]
	if n := min(len(frame), len(r.unread)); bytes.Equal(frame[:n], r.unread[:n]) {
		if n < len(frame) {
			return false
		}
		r.unread = r.unread[n:]
		r.tell(r.index+1, &r.delivered)
		return true
	}
	for to := r.index + 1; to <= r.m.committed; to++ {
		loss := payload.AppendValue(nil, &payload.Payload{
			CPU: payload.CPULostByReader, Lost: r.m.sums[to] - r.m.sums[r.index], Type: payload.RecordLost,
		})
		n := min(len(loss), len(r.unread))
		if !bytes.Equal(loss[:n], r.unread[:n]) {
			continue
		}
		if n < len(loss) {
			return false
		}
		r.unread = r.unread[n:]
		r.tell(to, &r.lost)
		return true
	}
	require.Fail(t, "neither the next payload nor a loss up to another one", "%x", r.unread)
	return false
}

// tell counts the frames before that of the given index.
func (r *reader) tell(index int, count *uint64) {
	*count += r.m.sums[index] - r.m.sums[r.index]
	r.index = index
}

// whole tells whether it was told, to the last byte, of all that is before its place.
func (r *reader) whole() bool { return len(r.opening) == 0 && r.place() == r.index }

// rest returns how many bytes the log keeps at least, and at most, of a payload that was cut. What looks
// like the beginning of a small one can be that of a loss.
func (r *reader) rest() (least, most int) {
	const largestLoss = 2 * payload.MaxOverhead
	if len(r.unread) == 0 {
		return 0, 0
	}
	frame := r.m.frames[r.index]
	if len(frame) > largestLoss && bytes.HasPrefix(frame, r.unread) {
		least = len(frame) - len(r.unread)
	}
	return least, len(frame)
}

// writing tells whether it has bytes to write.
func (r *reader) writing() bool { return r.run != nil }

// close closes the cursor.
func (r *reader) close() {
	r.cursor.Close()
	r.closed = true
	r.m.readers = slices.DeleteFunc(r.m.readers, func(other *reader) bool { return other == r })
}
