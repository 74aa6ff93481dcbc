// SPDX-License-Identifier: Apache-2.0

//go:build linux

package testutils

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func newTestGenerator(t testing.TB, opts GeneratorOptions) *Generator {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	g, err := NewGenerator(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

func newTestReader(t testing.TB, m *ebpf.Map, pages int) *perf.Reader {
	t.Helper()
	rd, err := perf.NewReader(m, pages*os.Getpagesize())
	require.NoError(t, err)
	t.Cleanup(func() { rd.Close() })
	return rd
}

// drain returns what is in the rings by CPU, and how many events were lost.
func drain(t *testing.T, rd *perf.Reader) (samples map[int][][]byte, lost uint64) {
	t.Helper()
	samples = map[int][][]byte{}
	rd.SetDeadline(time.Now())
	for {
		record, err := rd.Read()
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return samples, lost
		}
		lost += record.LostSamples
		if record.LostSamples == 0 {
			samples[record.CPU] = append(samples[record.CPU], record.RawSample)
		}
	}
}

func sequence(sample []byte) uint64 {
	return binary.NativeEndian.Uint64(sample[TraceSequenceOffset:])
}

func timestamp(sample []byte) uint64 {
	return binary.NativeEndian.Uint64(sample[TraceTimestampOffset:])
}

func monotonic(t *testing.T) uint64 {
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	return uint64(now.Nano())
}

func TestEmitTrace(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	rd := newTestReader(t, g.Map(), 64)
	const n = 3*batchSize + 7

	before := monotonic(t)
	require.NoError(t, OnCPU(0, func() error { return g.EmitTrace(n) }))
	after := monotonic(t)

	samples, lost := drain(t, rd)
	require.Zero(t, lost)
	require.Len(t, samples, 1)
	require.Len(t, samples[0], n)
	for i, sample := range samples[0] {
		require.GreaterOrEqual(t, len(sample), TraceLen)
		require.EqualValues(t, i, sequence(sample))
		require.GreaterOrEqual(t, timestamp(sample), before)
		require.LessOrEqual(t, timestamp(sample), after)
		before = timestamp(sample)
	}

	sample := samples[0][0]
	assert.EqualValues(t, 4, sample[0], "type")
	assert.EqualValues(t, 11, sample[1], "observation point")
	assert.EqualValues(t, TracePacketLen, binary.NativeEndian.Uint32(sample[8:]), "original length")
	assert.EqualValues(t, TracePacketLen, binary.NativeEndian.Uint16(sample[12:]), "captured length")
	assert.EqualValues(t, 1, sample[14], "version")

	packet := gopacket.NewPacket(sample[TraceHeaderLen:TraceLen], layers.LayerTypeEthernet, gopacket.Default)
	require.Nil(t, packet.ErrorLayer())
	udp, ok := packet.TransportLayer().(*layers.UDP)
	require.True(t, ok)
	assert.EqualValues(t, 4242, udp.DstPort)
	assert.Len(t, udp.Payload, TracePacketLen-42)
	assertIPv4Checksum(t, packet)
}

// assertIPv4Checksum compares the header with the same one, its checksum made anew.
func assertIPv4Checksum(t *testing.T, packet gopacket.Packet) {
	t.Helper()
	ip := packet.NetworkLayer().(*layers.IPv4)
	buf := gopacket.NewSerializeBuffer()
	require.NoError(t, ip.SerializeTo(buf, gopacket.SerializeOptions{ComputeChecksums: true}))
	assert.Equal(t, buf.Bytes(), ip.Contents)
}

func TestEmitTraceOnEachCPU(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	rd := newTestReader(t, g.Map(), 64)

	const n = 100
	online := allowedCPUs(t)
	for _, cpu := range online {
		require.NoError(t, OnCPU(cpu, func() error { return g.EmitTrace(n + cpu) }))
	}
	samples, lost := drain(t, rd)
	require.Zero(t, lost)
	byCPU, err := g.CountersByCPU()
	require.NoError(t, err)
	require.Len(t, byCPU, ebpf.MustPossibleCPU())
	for _, cpu := range online {
		assert.Equal(t, Counters{Written: uint64(n + cpu)}, byCPU[cpu])
		require.Len(t, samples[cpu], n+cpu)
		for i, sample := range samples[cpu] {
			require.EqualValues(t, i, sequence(sample), "each CPU counts for itself")
		}
	}
}

// allowedCPUs returns the CPUs that the test may run on.
func allowedCPUs(t *testing.T) (cpus []int) {
	t.Helper()
	var set unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &set))
	for cpu := range ebpf.MustPossibleCPU() {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

func TestEmitWithoutReader(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	require.NoError(t, g.EmitTrace(10))
	require.NoError(t, g.EmitSample([]byte{1}, 5))
	require.NoError(t, g.EmitTrace(0))

	counters, err := g.Counters()
	require.NoError(t, err)
	assert.Equal(t, Counters{NoReader: 15}, counters)
	assert.EqualValues(t, 15, counters.Total())
}

func TestEmitIntoFullRing(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	rd := newTestReader(t, g.Map(), 1)
	const n = 1000
	emit := func(n int) { require.NoError(t, OnCPU(0, func() error { return g.EmitTrace(n) })) }
	emit(n)

	samples, _ := drain(t, rd)
	counters, err := g.Counters()
	require.NoError(t, err)
	assert.EqualValues(t, n, counters.Total())
	assert.EqualValues(t, len(samples[0]), counters.Written)
	assert.NotZero(t, counters.NoSpace)

	emit(1) // The kernel tells of losses with the next event that has room.
	samples, lost := drain(t, rd)
	assert.Equal(t, counters.NoSpace, lost)
	require.Len(t, samples[0], 1)
	assert.EqualValues(t, n, sequence(samples[0][0]), "the lost ones count")
}

func TestEmitSample(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	rd := newTestReader(t, g.Map(), 64)

	for _, size := range []int{1, 2, 13, 14, 40, 4096, MaxSampleLen} {
		t.Run(fmt.Sprint(size, " bytes"), func(t *testing.T) {
			sample := make([]byte, size)
			for i := range sample {
				sample[i] = byte(i*7 + size)
			}
			require.NoError(t, OnCPU(0, func() error { return g.EmitSample(sample, 3) }))
			samples, lost := drain(t, rd)
			require.Zero(t, lost)
			require.Len(t, samples[0], 3)
			for _, got := range samples[0] {
				require.LessOrEqual(t, len(got), size+7)
				require.True(t, bytes.Equal(sample, got[:size]))
			}
		})
	}

	assert.ErrorContains(t, g.EmitSample(nil, 1), "1 to 32768")
	assert.ErrorContains(t, g.EmitSample(make([]byte, MaxSampleLen+1), 1), "32769 bytes")
	assert.ErrorContains(t, g.EmitSample([]byte{1}, -1), "-1 events")
}

func TestMeasureTime(t *testing.T) {
	for _, measure := range []bool{false, true} {
		g := newTestGenerator(t, GeneratorOptions{MeasureTime: measure})
		require.NoError(t, g.EmitTrace(1000))
		require.NoError(t, g.EmitSample([]byte{1}, 1000))
		counters, err := g.Counters()
		require.NoError(t, err)
		assert.Equal(t, measure, counters.Time > 0)
	}
}

func TestConcurrentUse(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	rd := newTestReader(t, g.Map(), 64)
	const goroutines, n = 4, 100

	var wg sync.WaitGroup
	for i := range goroutines {
		wg.Go(func() {
			assert.NoError(t, g.EmitTrace(n))
			assert.NoError(t, g.EmitSample(bytes.Repeat([]byte{byte(200 + i)}, 30), n))
			_, err := g.Counters()
			assert.NoError(t, err)
		})
	}
	wg.Wait()

	counters, err := g.Counters()
	require.NoError(t, err)
	assert.Equal(t, Counters{Written: 2 * goroutines * n}, counters)

	samples, lost := drain(t, rd)
	require.Zero(t, lost)
	seen := map[byte]int{}
	for _, ofCPU := range samples {
		for _, sample := range ofCPU {
			if sample[0] >= 200 {
				require.Equal(t, bytes.Repeat(sample[:1], 30), sample[:30], "no mixed samples")
			}
			seen[sample[0]]++
		}
	}
	assert.Equal(t, map[byte]int{4: goroutines * n, 200: n, 201: n, 202: n, 203: n}, seen)
}

func TestPin(t *testing.T) {
	g := newTestGenerator(t, GeneratorOptions{})
	path := fmt.Sprintf("/sys/fs/bpf/monitor-generator-test-%d/cilium_events", os.Getpid())
	require.NoError(t, g.Pin(path))
	require.Error(t, g.Pin(path+"2"), "a second time")

	m, err := ebpf.LoadPinnedMap(path, nil)
	require.NoError(t, err)
	defer m.Close()
	rd := newTestReader(t, m, 8)
	require.NoError(t, OnCPU(0, func() error { return g.EmitTrace(1) }))
	samples, _ := drain(t, rd)
	require.Len(t, samples[0], 1)

	require.NoError(t, g.Close())
	require.NoError(t, g.Close(), "a second time")
	assert.NoDirExists(t, filepath.Dir(path))
}

func TestOnCPU(t *testing.T) {
	before := allowedCPUs(t)
	for _, cpu := range before {
		err := OnCPU(cpu, func() error {
			assert.Equal(t, []int{cpu}, allowedCPUs(t))
			return os.ErrClosed
		})
		require.ErrorIs(t, err, os.ErrClosed)
		require.Equal(t, before, allowedCPUs(t))
	}
	require.ErrorContains(t, OnCPU(1<<20, func() error { return nil }), "move to CPU 1048576")
}

func BenchmarkEmitTrace(b *testing.B) {
	for _, tc := range []struct {
		name  string
		pages int
	}{{"no reader", 0}, {"full ring", 1}} {
		b.Run(tc.name, func(b *testing.B) {
			g := newTestGenerator(b, GeneratorOptions{})
			if tc.pages > 0 {
				newTestReader(b, g.Map(), tc.pages)
			}
			b.ReportAllocs()
			b.ResetTimer()
			require.NoError(b, g.EmitTrace(b.N))
		})
	}
}
