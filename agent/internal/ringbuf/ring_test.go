// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
)

const testSize = 4096

// fakeRing is a ring that the test writes into as the kernel does.
type fakeRing struct{ *Ring }

// newFakeRing returns a ring that begins at pos, a multiple of 8.
func newFakeRing(pos uint64) *fakeRing {
	f := &fakeRing{Ring: &Ring{consumer: &atomic.Uint64{}, producer: &atomic.Uint64{}, size: testSize, data: make([]byte, 2*testSize)}}
	f.consumer.Store(pos)
	f.producer.Store(pos)
	f.skip()
	return f
}

// set writes at pos, in both halves of the data.
func (f *fakeRing) set(pos uint64, data []byte) {
	for i, b := range data {
		at := (pos + uint64(i)) % testSize
		f.data[at], f.data[at+testSize] = b, b
	}
}

// reserve begins to write a record and returns where it is.
func (f *fakeRing) reserve(data string) (pos uint64) {
	pos = f.producer.Load()
	f.setHeader(pos, uint32(len(data))|busyBit)
	f.set(pos+headerSize, []byte(data))
	f.producer.Store(pos + (headerSize+uint64(len(data))+7)&^7)
	return pos
}

func (f *fakeRing) setHeader(pos uint64, header uint32) {
	f.set(pos, binary.NativeEndian.AppendUint32(nil, header))
}

// commit ends the writing of a record.
func (f *fakeRing) commit(pos uint64, flags uint32) {
	header := binary.NativeEndian.Uint32(f.data[pos%testSize:])
	f.setHeader(pos, header&^busyBit|flags)
}

func (f *fakeRing) write(data string) { f.commit(f.reserve(data), 0) }

// read returns the samples that there are, without freeing their space.
func (f *fakeRing) read(t *testing.T) (samples []string) {
	t.Helper()
	var rec source.Record
	for {
		ok, err := f.Next(&rec)
		require.NoError(t, err)
		if !ok {
			return samples
		}
		require.Equal(t, source.Sample, rec.Kind)
		require.Empty(t, rec.Tail)
		samples = append(samples, string(rec.Head))
	}
}

// TestBusy has records be committed in another order than they were reserved.
func TestBusy(t *testing.T) {
	f := newFakeRing(testSize - 16)
	first, second, third := f.reserve("first"), f.reserve("second"), f.reserve("")
	f.commit(second, 0)
	require.Empty(t, f.read(t), "the first one is being written")
	f.Release()
	require.False(t, f.ready.Load(), "the kernel tells when it is there")
	f.commit(first, 0)
	require.Equal(t, []string{"first", "second"}, f.read(t))
	require.True(t, f.ready.Load(), "the kernel thinks that we are not there yet")
	f.commit(third, 0)
	f.Release()
	require.True(t, f.ready.Load(), "the third one came in the meantime")
	require.Equal(t, []string{""}, f.read(t))
	f.Release()
	require.False(t, f.ready.Load())
	require.Equal(t, f.producer.Load(), f.consumer.Load())
}

// TestDiscarded passes over what programs discard.
func TestDiscarded(t *testing.T) {
	f := newFakeRing(math.MaxUint64 - 7) // the position wraps around
	f.commit(f.reserve("one"), discardBit)
	f.write("two")
	f.commit(f.reserve("three"), discardBit)
	require.Equal(t, []string{"two"}, f.read(t))
	f.Release()
	require.Zero(t, f.Pending())
	require.Equal(t, f.producer.Load(), f.consumer.Load())
}

// TestSkip opens a ring that has something: none of it is returned, also what is being written.
func TestSkip(t *testing.T) {
	f := newFakeRing(0)
	f.write("old")
	f.commit(f.reserve("discarded"), discardBit)
	free := f.producer.Load()
	busy := f.reserve("busy")
	f.write("old as well")
	f.skip()
	require.Equal(t, free, f.consumer.Load(), "space is free up to what is being written")
	f.write("new")
	require.Empty(t, f.read(t))
	f.commit(busy, 0)
	require.Equal(t, []string{"new"}, f.read(t))
}

// TestSkipNonsense opens a ring whose positions or content make no sense: that is let go.
func TestSkipNonsense(t *testing.T) {
	for name, mess := range map[string]func(f *fakeRing){
		"far ahead": func(f *fakeRing) { f.consumer.Store(1 << 40) },
		"far behind": func(f *fakeRing) {
			f.producer.Store(1 << 40)
			f.consumer.Store(8)
		},
		"odd":    func(f *fakeRing) { f.consumer.Store(f.producer.Load() - 4) },
		"record": func(f *fakeRing) { f.setHeader(0, 1<<20) },
	} {
		f := newFakeRing(0)
		f.write("old")
		mess(f)
		f.skip()
		require.Equal(t, f.producer.Load(), f.consumer.Load(), name)
		f.write("new")
		require.Equal(t, []string{"new"}, f.read(t), name)
	}
}

// TestDetached reads what was written until the ring was detached, and no more.
func TestDetached(t *testing.T) {
	f := newFakeRing(8)
	f.write("one")
	last := f.reserve("two")
	f.detach()
	f.write("three")
	require.Equal(t, []string{"one"}, f.read(t), "it does not wait for ever for what is being written")
	f.commit(last, 0)
	require.Equal(t, []string{"two"}, f.read(t))
	require.Zero(t, f.Pending())
	f.Release()
}

// TestDetachedWhileWriting has a program finish its record while the rest is drained.
func TestDetachedWhileWriting(t *testing.T) {
	f := newFakeRing(8)
	pos := f.reserve("one")
	f.detach()
	f.settled = time.Now().Add(time.Hour) // however slow the machine
	go atomicCommit(f, pos)
	require.Equal(t, []string{"one"}, f.read(t))
}

// atomicCommit commits as the kernel does, while the ring is being read.
func atomicCommit(f *fakeRing, pos uint64) {
	for range 10000 {
		runtime.Gosched() // some time passes
	}
	header := (*uint32)(unsafe.Pointer(&f.data[pos%testSize]))
	atomic.StoreUint32(header, atomic.LoadUint32(header)&^busyBit)
}

// TestCorrupt checks that a ring which makes no sense is emptied, and read on.
func TestCorrupt(t *testing.T) {
	for name, mess := range map[string]func(f *fakeRing){
		"record":   func(f *fakeRing) { f.setHeader(f.pos, 100) },
		"busy":     func(f *fakeRing) { f.setHeader(f.pos, 100|busyBit) },
		"largest":  func(f *fakeRing) { f.setHeader(f.pos, math.MaxUint32&^busyBit) },
		"producer": func(f *fakeRing) { f.producer.Add(testSize) },
	} {
		f := newFakeRing(testSize - 8)
		f.write("some")
		mess(f)
		require.NotZero(t, f.Pending(), name)
		var rec source.Record
		ok, err := f.Next(&rec)
		require.False(t, ok, name)
		require.ErrorIs(t, err, errCorrupt, name)
		require.Zero(t, f.Pending(), name)
		f.Release()
		f.write("more")
		require.Equal(t, []string{"more"}, f.read(t), name)
	}
}

// TestFrames has events lie in records that have a header.
func TestFrames(t *testing.T) {
	f := newFakeRing(0)
	f.frames = func(frame []byte) ([]byte, bool) { return frame[2:], frame[0] == 'e' }
	f.write("e:event")
	f.write("x:else")
	f.write("") // has the adapter panic
	f.write("e:more")
	var rec source.Record
	var got []string
	for range 4 {
		ok, err := f.Next(&rec)
		require.True(t, ok)
		require.NoError(t, err)
		require.Positive(t, rec.Size)
		if rec.Kind == source.Unknown {
			require.Empty(t, rec.Head)
			got = append(got, "unknown")
			continue
		}
		got = append(got, string(rec.Head))
	}
	require.Equal(t, []string{"event", "unknown", "unknown", "more"}, got)
}

// TestIntruder has somebody else move the position: nothing is read or moved from then on.
func TestIntruder(t *testing.T) {
	f := newFakeRing(0)
	f.write("one")
	f.write("two")
	var rec source.Record
	ok, err := f.Next(&rec)
	require.True(t, ok)
	require.NoError(t, err)
	f.consumer.Store(f.producer.Load())
	f.Release()
	require.True(t, f.taken.Load())
	require.Equal(t, f.producer.Load(), f.consumer.Load())
	require.Empty(t, f.read(t))
	require.Zero(t, f.Pending())
}

// FuzzNext reads arbitrary memory.
func FuzzNext(f *testing.F) {
	f.Add([]byte{5, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5}, uint64(0), uint64(0), uint64(16))
	f.Add([]byte{1, 0, 0, 0x40, 0, 0, 0, 0, 1}, uint64(testSize-16), uint64(testSize-16), uint64(testSize+64))
	f.Add([]byte{1, 0, 0, 0x80}, uint64(8), uint64(0), uint64(8))
	f.Fuzz(func(t *testing.T, content []byte, begin, consumer, producer uint64) {
		r := newFakeRing(begin &^ 7)
		r.set(begin&^7, content[:min(len(content), testSize)])
		r.consumer.Store(consumer)
		r.producer.Store(producer &^ 7)
		r.skip()
		r.producer.Add(begin & 7 * 8)
		var rec source.Record
		for {
			before := r.Pending()
			ok, err := r.Next(&rec)
			if !ok {
				r.Release()
				require.False(t, r.taken.Load())
				if err != nil {
					require.Zero(t, r.Pending())
				}
				return
			}
			require.Less(t, r.Pending(), before)
			require.LessOrEqual(t, len(rec.Head), before)
			require.LessOrEqual(t, len(rec.Head)+headerSize, rec.Size)
		}
	})
}
