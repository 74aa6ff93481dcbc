// SPDX-License-Identifier: Apache-2.0

package ringbuf_test

import (
	"encoding/binary"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	libringbuf "github.com/cilium/ebpf/ringbuf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor/agent/internal/ringbuf"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(readerOf); path != "" {
		readAnother(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// datapath loads programs that write into a ring buffer of that size.
func datapath(t *testing.T, size int) *testutils.Generator {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading BPF programs needs root")
	}
	gen, err := testutils.NewGenerator(testutils.GeneratorOptions{RingBufferSize: size})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gen.Close()) })
	return gen
}

func clone(t *testing.T, m *ebpf.Map) *ebpf.Map {
	t.Helper()
	c, err := m.Clone()
	require.NoError(t, err)
	return c
}

// sourceOf returns a source of a ring buffer that stays the caller's, with its loss counter.
func sourceOf(t *testing.T, gen *testutils.Generator, takeOver bool) *ringbuf.Source {
	t.Helper()
	src := ringbuf.New(clone(t, gen.Map()), ringbuf.Options{Losses: clone(t, gen.LossCounter()), TakeOver: takeOver})
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	return src
}

func open(t *testing.T, src *ringbuf.Source) *ringbuf.Rings {
	t.Helper()
	rings, err := src.Open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rings.Close()) })
	return rings.(*ringbuf.Rings)
}

// drain returns the numbers of all events in the ring by their CPU, and the sum of the losses.
func drain(t *testing.T, rings *ringbuf.Rings) (numbers map[uint64][]uint64, lost uint64) {
	t.Helper()
	numbers = map[uint64][]uint64{}
	ring := rings.All()[0]
	var rec source.Record
	for {
		ok, err := ring.Next(&rec)
		require.NoError(t, err)
		if !ok {
			break
		}
		switch rec.Kind {
		case source.Sample:
			require.Len(t, rec.Head, testutils.TraceLen)
			require.Equal(t, testutils.TraceLen+8, rec.Size)
			cpu := binary.NativeEndian.Uint64(rec.Head[testutils.TraceCPUOffset:])
			numbers[cpu] = append(numbers[cpu], binary.NativeEndian.Uint64(rec.Head[testutils.TraceSequenceOffset:]))
		case source.Lost:
			lost += rec.Lost
		default:
			require.Fail(t, "a record of unknown kind")
		}
	}
	ring.Release()
	return numbers, lost
}

func emit(t *testing.T, gen *testutils.Generator, cpu, n int) {
	t.Helper()
	require.NoError(t, testutils.OnCPU(cpu, func() error { return gen.EmitTrace(n) }))
}

func sequence(first, n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(first + i)
	}
	return s
}

// TestRead writes and reads round and round a small ring, so that records lie across its end in every
// way.
func TestRead(t *testing.T) {
	gen := datapath(t, 4096)
	rings := open(t, sourceOf(t, gen, false))
	for i := range 200 {
		emit(t, gen, i%2, 20)
		woken, err := rings.Wait(source.Forever)
		require.NoError(t, err)
		require.Equal(t, []int{0}, woken)
		numbers, lost := drain(t, rings)
		require.Equal(t, map[uint64][]uint64{uint64(i % 2): sequence(i/2*20, 20)}, numbers)
		require.Zero(t, lost)
		require.Zero(t, rings.All()[0].Pending())
		require.NoError(t, rings.Check())
	}
}

// TestNoWakeUpIsMissed has a program write one event after the other, as fast as it can, and waits for
// each time without a time-out.
func TestNoWakeUpIsMissed(t *testing.T) {
	const n = 30000
	gen := datapath(t, 1<<16)
	rings := open(t, sourceOf(t, gen, false))
	var flood sync.WaitGroup
	for cpu := range 2 {
		flood.Go(func() {
			assert.NoError(t, testutils.OnCPU(cpu, func() error {
				for range n {
					if err := gen.EmitTrace(1); err != nil {
						return err
					}
				}
				return nil
			}))
		})
	}
	next := map[uint64]uint64{}
	var total, lost uint64
	for total < 2*n {
		_, err := rings.Wait(source.Forever)
		require.NoError(t, err)
		numbers, l := drain(t, rings)
		for cpu, seen := range numbers {
			for _, number := range seen {
				require.GreaterOrEqual(t, number, next[cpu], "in the order of each CPU")
				next[cpu] = number + 1
			}
			total += uint64(len(seen))
		}
		if total+l < 2*n && rings.All()[0].Pending() == 0 {
			atEnd, err := rings.All()[0].(source.LossCounter).LostNow()
			require.NoError(t, err)
			l += atEnd
		}
		total, lost = total+l, lost+l
	}
	flood.Wait()
	counters, err := gen.Counters()
	require.NoError(t, err)
	require.Equal(t, counters.NoSpace, lost)
}

// TestModes checks who wakes the reader up: each record that an eager ring waits for, the first one that
// comes to one that is to be woken up once, and none of a lazy one once it has read in that mode.
func TestModes(t *testing.T) {
	gen := datapath(t, 1<<14)
	rings := open(t, sourceOf(t, gen, false))
	ring := rings.All()[0].(source.Throttle)
	next := 0
	requireWoken := func(want bool, why string) {
		t.Helper()
		timeout := 10 * time.Millisecond
		if want {
			timeout = source.Forever
		}
		woken, err := rings.Wait(timeout)
		require.NoError(t, err)
		require.Equal(t, want, len(woken) > 0, why)
	}
	read := func(n int) {
		t.Helper()
		numbers, lost := drain(t, rings)
		require.Zero(t, lost)
		require.Len(t, numbers[0], n)
		require.Equal(t, sequence(next, n), numbers[0])
		next += n
	}
	for range 3 {
		for range 3 {
			emit(t, gen, 0, 1)
			requireWoken(true, "an eager ring")
			read(1)
		}
		require.NoError(t, ring.SetMode(source.Lazy))
		emit(t, gen, 0, 1)
		read(1)
		_, err := rings.Wait(0) // that may have woken the reader up
		require.NoError(t, err)
		for range 100 {
			emit(t, gen, 0, 60)
			read(60)
		}
		emit(t, gen, 0, 7)
		requireWoken(false, "a lazy ring")
		require.NoError(t, rings.Check())
		require.NoError(t, ring.SetMode(source.Eager))
		requireWoken(true, "there is something already")
		read(7)
	}
	for range 100 {
		require.NoError(t, ring.SetMode(source.Once))
		emit(t, gen, 0, 5)
		requireWoken(true, "the first record")
		read(5)
		emit(t, gen, 0, 5)
		read(5)
		emit(t, gen, 0, 5)
		woken, err := rings.Wait(0)
		require.NoError(t, err)
		require.Empty(t, woken, "once")
		read(5)
	}
	emit(t, gen, 0, 5)
	require.NoError(t, ring.SetMode(source.Once))
	require.NotZero(t, ring.Pending(), "who arms it looks into it")
	read(5)
	// What it keeps is not what others find.
	require.NoError(t, ring.SetMode(source.Lazy))
	emit(t, gen, 0, 2)
	read(2)
	require.NoError(t, rings.Close())
	reader, err := libringbuf.NewReader(gen.Map())
	require.NoError(t, err)
	defer reader.Close()
	require.Zero(t, reader.AvailableBytes())
}

// TestLargeRecords has a lazy ring of which each record takes most: it keeps none of them.
func TestLargeRecords(t *testing.T) {
	gen := datapath(t, 1<<12)
	rings := open(t, sourceOf(t, gen, false))
	ring := rings.All()[0].(source.Throttle)
	require.NoError(t, ring.SetMode(source.Lazy))
	var rec source.Record
	for range 10 {
		require.NoError(t, gen.EmitSample(make([]byte, 3000), 1))
		ok, err := ring.Next(&rec)
		require.NoError(t, err)
		require.True(t, ok)
		require.Len(t, rec.Head, 3000)
		ring.Release()
	}
}

// TestOpenPassesOver opens a full ring: nothing of that is returned, and no loss from before.
func TestOpenPassesOver(t *testing.T) {
	gen := datapath(t, 4096)
	src := sourceOf(t, gen, false)
	for i := range 3 {
		emit(t, gen, 0, 100)
		rings := open(t, src)
		require.Zero(t, rings.All()[0].Pending())
		emit(t, gen, 0, 10)
		numbers, lost := drain(t, rings)
		require.Equal(t, map[uint64][]uint64{0: sequence(110*i+100, 10)}, numbers)
		require.Zero(t, lost)
		require.NoError(t, rings.Close())
	}
}

// TestLost fills the ring: the losses come behind what was written, or are told when asked for.
func TestLost(t *testing.T) {
	gen := datapath(t, 4096)
	rings := open(t, sourceOf(t, gen, false))
	for i := range 3 {
		emit(t, gen, 1, 1000)
		numbers, lost := drain(t, rings)
		fit := len(numbers[1])
		require.Equal(t, sequence(1000*i, fit), numbers[1])
		require.EqualValues(t, 1000, fit+int(lost))
		again, err := rings.All()[0].(source.LossCounter).LostNow()
		require.NoError(t, err)
		require.Zero(t, again)
	}
	// What can never fit is lost without the ring being full.
	require.NoError(t, gen.EmitSample(make([]byte, 5000), 7))
	require.Eventually(t, func() bool {
		lost, err := rings.All()[0].(source.LossCounter).LostNow()
		require.NoError(t, err)
		return lost == 7
	}, timeout, time.Millisecond, "it is not read each time")
}

// TestNoCounter has nobody count the losses.
func TestNoCounter(t *testing.T) {
	gen := datapath(t, 4096)
	src := ringbuf.New(clone(t, gen.Map()), ringbuf.Options{})
	defer func() { require.NoError(t, src.Close()) }()
	rings := open(t, src)
	_, counts := rings.All()[0].(source.LossCounter)
	require.False(t, counts)
	emit(t, gen, 0, 1000)
	numbers, lost := drain(t, rings)
	require.NotEmpty(t, numbers[0])
	require.Zero(t, lost)
	require.NoError(t, rings.Check())
}

// TestBadCounter is given a map that can't be a counter: what can be read is read, and it says so.
func TestBadCounter(t *testing.T) {
	gen := datapath(t, 4096)
	src := ringbuf.New(clone(t, gen.Map()), ringbuf.Options{Losses: clone(t, gen.Map())})
	defer func() { require.NoError(t, src.Close()) }()
	rings := open(t, src)
	emit(t, gen, 0, 3)
	numbers, _ := drain(t, rings)
	require.Len(t, numbers[0], 3)
	require.ErrorContains(t, rings.Check(), "the loss counter is a RingBuf")
}

// TestDetach checks that what was written until then can be read, and nothing else, and so for losses.
func TestDetach(t *testing.T) {
	gen := datapath(t, 4096)
	rings := open(t, sourceOf(t, gen, false))
	emit(t, gen, 0, 100)
	before, err := gen.Counters()
	require.NoError(t, err)
	require.NoError(t, rings.Detach())
	emit(t, gen, 0, 50)
	numbers, lost := drain(t, rings)
	emit(t, gen, 0, 7)
	again, more := drain(t, rings)
	require.EqualValues(t, before.Written, len(numbers[0]))
	require.Equal(t, before.NoSpace, lost)
	require.Empty(t, again)
	require.Zero(t, more)
}

// TestUnmapWhileWaiting checks that a reader can be stopped from another goroutine.
func TestUnmapWhileWaiting(t *testing.T) {
	rings := open(t, sourceOf(t, datapath(t, 4096), false))
	ended := make(chan error)
	go func() {
		_, err := rings.Wait(source.Forever)
		ended <- err
	}()
	require.NoError(t, rings.Unmap())
	require.NoError(t, rings.Wake())
	require.NoError(t, <-ended)
	require.NoError(t, rings.Unmap())
	require.NoError(t, rings.Detach())
	require.NoError(t, rings.Check())
	require.NoError(t, rings.Close())
	require.NoError(t, rings.Close())
}

// TestWaitTimesOut waits for nothing.
func TestWaitTimesOut(t *testing.T) {
	rings := open(t, sourceOf(t, datapath(t, 4096), false))
	woken, err := rings.Wait(time.Millisecond)
	require.NoError(t, err)
	require.Empty(t, woken)
}

// TestOpenErrors opens what can't be read.
func TestOpenErrors(t *testing.T) {
	for text, spec := range map[string]*ebpf.MapSpec{
		"Hash":               {Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1},
		"BPF_F_RB_OVERWRITE": {Type: ebpf.RingBuf, MaxEntries: 4096, Flags: 1 << 19},
	} {
		m, err := ebpf.NewMap(spec)
		if err != nil {
			require.Equal(t, "BPF_F_RB_OVERWRITE", text, "older kernels have none: %v", err)
			continue
		}
		src := ringbuf.New(m, ringbuf.Options{})
		_, err = src.Open()
		require.ErrorContains(t, err, text)
		require.ErrorContains(t, ringbuf.CheckFree(m), text)
		require.NoError(t, src.Close())
	}
}
