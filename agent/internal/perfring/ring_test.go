// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"encoding/binary"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/source"
)

// ringOf returns a ring with that content, which begins at pos.
func ringOf(content []byte, pos uint64) *Ring {
	const size = 4096
	r := &Ring{meta: &unix.PerfEventMmapPage{}, data: make([]byte, size), tail: pos &^ 7, fds: noEvents(), count: newCountdown(eagerEvent)}
	r.meta.Data_tail = r.tail
	for i, b := range content {
		r.data[(r.tail+uint64(i))%size] = b
	}
	r.meta.Data_head = r.tail + uint64(len(content))
	return r
}

// record returns a record of the given type, with the size that its header is to have.
func record(typ uint32, size int, body ...byte) []byte {
	b := make([]byte, headerSize)
	binary.NativeEndian.PutUint32(b, typ)
	binary.NativeEndian.PutUint16(b[6:], uint16(size))
	return append(b, body...)
}

// TestCorrupt checks that a ring which makes no sense is emptied, and read on.
func TestCorrupt(t *testing.T) {
	for name, content := range map[string][]byte{
		"no size":           record(unix.PERF_RECORD_SAMPLE, 0),
		"odd size":          record(unix.PERF_RECORD_SAMPLE, 12, 0, 0, 0, 0, 0, 0, 0, 0),
		"more than pending": record(unix.PERF_RECORD_SAMPLE, 24, 0, 0, 0, 0, 0, 0, 0, 0),
		"sample too long":   record(unix.PERF_RECORD_SAMPLE, 16, 100, 0, 0, 0, 0, 0, 0, 0),
		"sample too short":  record(unix.PERF_RECORD_SAMPLE, 8),
		"loss too short":    record(unix.PERF_RECORD_LOST, 16, 0, 0, 0, 0, 0, 0, 0, 0),
		"overrun":           make([]byte, 5000),
	} {
		r := ringOf(content, 4096-8)
		var rec source.Record
		ok, err := r.Next(&rec)
		require.False(t, ok, name)
		require.ErrorIs(t, err, errCorrupt, name)
		require.Zero(t, r.Pending(), name)
		ok, err = r.Next(&rec)
		require.False(t, ok, name)
		require.NoError(t, err, name)
		r.Release()
		require.Equal(t, r.meta.Data_head, r.meta.Data_tail, name)
	}
}

// TestFull reads a ring without a free byte, which makes sense.
func TestFull(t *testing.T) {
	r := ringOf(make([]byte, 4096), 64)
	for pos := uint64(0); pos < 4096; pos += 32 {
		copy(r.at(r.tail+pos, 24), record(unix.PERF_RECORD_LOST, 32, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0))
	}
	var rec source.Record
	for range 4096 / 32 {
		ok, err := r.Next(&rec)
		require.True(t, ok)
		require.NoError(t, err)
		require.Equal(t, source.Record{Kind: source.Lost, Size: 32, Lost: 1}, rec)
	}
	require.Zero(t, r.Pending())
}

// TestStandsStill has a ring whose event the kernel has disabled, as it does when the CPU goes offline.
func TestStandsStill(t *testing.T) {
	array, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray})
	require.NoError(t, err)
	defer array.Close()
	slots, err := openSlots(array)
	require.NoError(t, err)
	defer func() { require.NoError(t, slots.close()) }()
	r, err := openRing(array, slots, 0, 1)
	require.NoError(t, err)
	for event := range wakeupEvents {
		require.NoError(t, r.openEvent(event))
		require.NoError(t, r.put(event))
		require.False(t, r.standsStill())
		require.False(t, r.standsStill(), "time goes on")
		require.NoError(t, unix.IoctlSetInt(r.fds[event], unix.PERF_EVENT_IOC_DISABLE, 0))
		require.False(t, r.standsStill(), "it has gone on until then")
		require.True(t, r.standsStill())
		require.True(t, r.standsStill())
	}
	require.NoError(t, r.close())
	for range 2 {
		require.False(t, r.standsStill(), "nobody knows")
	}
}

// TestUnknown checks that a record of another type is told, and passed over.
func TestUnknown(t *testing.T) {
	const comm = 3 // PERF_RECORD_COMM
	r := ringOf(append(record(comm, 8), record(unix.PERF_RECORD_SAMPLE, 16, 4, 0, 0, 0, 1, 2, 3, 4)...), 8*511)
	var rec source.Record
	ok, err := r.Next(&rec)
	require.True(t, ok)
	require.NoError(t, err)
	require.Equal(t, source.Unknown, rec.Kind)
	ok, err = r.Next(&rec)
	require.True(t, ok)
	require.NoError(t, err)
	require.Equal(t, source.Sample, rec.Kind)
	require.Equal(t, []byte{1, 2, 3, 4}, append(rec.Head, rec.Tail...))
}

func FuzzNext(f *testing.F) {
	f.Add(record(unix.PERF_RECORD_SAMPLE, 16, 4, 0, 0, 0, 1, 2, 3, 4), uint64(0))
	f.Add(record(unix.PERF_RECORD_LOST, 24, make([]byte, 16)...), uint64(4088))
	f.Add(record(7, 8), uint64(1<<63))
	f.Fuzz(func(t *testing.T, content []byte, pos uint64) {
		r := ringOf(content, pos)
		var rec source.Record
		for {
			before := r.Pending()
			ok, err := r.Next(&rec)
			if !ok {
				require.Zero(t, r.Pending())
				require.Equal(t, before > 0, err != nil)
				return
			}
			require.Less(t, r.Pending(), before)
			require.LessOrEqual(t, len(rec.Head)+len(rec.Tail), before)
		}
	})
}
