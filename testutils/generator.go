// SPDX-License-Identifier: Apache-2.0

//go:build linux

package testutils

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bpf"
)

// What a sample of [Generator.EmitTrace] looks like, in bytes from its start: a
// trace event of version 1, observation point to-network, and the packet, which
// is UDP over IPv4 over Ethernet. The numbers in it are 8 bytes each, in
// the byte order of the host.
const (
	TraceHeaderLen = 48
	TracePacketLen = 128

	// TraceSequenceOffset is where the number of the event is among those of its
	// CPU. It counts from 0 for each Generator, and counts events that the
	// ring had no room for, or that nobody read, as well: a gap is a loss.
	TraceSequenceOffset = TraceHeaderLen + requestOffset

	// TraceTimestampOffset is where the time of the emission is, from
	// bpf_ktime_get_ns: nanoseconds of CLOCK_MONOTONIC.
	TraceTimestampOffset = TraceSequenceOffset + 8

	// TraceCPUOffset is where the CPU is that emitted it, 8 bytes, which a ring buffer does
	// not tell.
	TraceCPUOffset = TraceTimestampOffset + 8

	// TraceLen is the length of the sample. Up to 7 bytes of padding follow it, in a perf ring
	// buffer.
	TraceLen = TraceHeaderLen + TracePacketLen
)

// MaxSampleLen is the length in bytes of the longest sample that
// [Generator.EmitSample] takes.
const MaxSampleLen = 32768

// batchSize is the number of events that are emitted in one system call. As with
// the packets of one NAPI poll, of which there are at most as many, nobody else
// runs on that CPU in the meantime, and the call's cost hardly counts.
const batchSize = 64

// requestOffset is where the programs find in the packet what they have to do.
const requestOffset = 48

// GeneratorOptions configure a [Generator].
type GeneratorOptions struct {
	// MeasureTime makes the programs count the time that they spend in
	// bpf_perf_event_output, or for a ring buffer from bpf_ringbuf_reserve to
	// bpf_ringbuf_submit, which costs some 30 ns per event more.
	MeasureTime bool

	// RingBufferSize makes the events map a ring buffer (BPF_MAP_TYPE_RINGBUF) of so many bytes, a
	// power of two and at least a page, in place of a perf event array. The programs count its
	// losses as bpf/ringbuf_losses.h has it.
	RingBufferSize int
}

// Generator emits real events from BPF programs, without a device or traffic:
// the kernel runs them by BPF_PROG_TEST_RUN. It needs root and Linux 5.17.
//
// The methods may be called concurrently. Each event goes to the perf ring buffer of the CPU
// on which the caller runs, see [OnCPU], or to the one ring buffer.
type Generator struct {
	objects    generatorObjects
	ringBuffer bool // the events map is one

	mu     sync.Mutex // guards what follows, and the map that holds the sample
	sample generatorSample
	pins   []*bpf.MapPin
}

// NewGenerator loads the programs, and creates an events map for them: a perf event
// array with an entry for each possible CPU, or a ring buffer.
func NewGenerator(opts GeneratorOptions) (*Generator, error) {
	spec, err := loadGenerator()
	if err != nil {
		return nil, err
	}
	if err := spec.Variables[generatorVarMeasureTime].Set(opts.MeasureTime); err != nil {
		return nil, fmt.Errorf("configure the event generator: %w", err)
	}
	g := &Generator{ringBuffer: opts.RingBufferSize != 0}
	if err := spec.Variables[generatorVarUseRingbuf].Set(g.ringBuffer); err != nil {
		return nil, fmt.Errorf("configure the event generator: %w", err)
	}
	if g.ringBuffer {
		if opts.RingBufferSize < 0 || opts.RingBufferSize > math.MaxUint32 {
			return nil, fmt.Errorf("a ring buffer of %d bytes", opts.RingBufferSize)
		}
		spec.Maps[generatorMapRingbuf].MaxEntries = uint32(opts.RingBufferSize)
	}
	if err := spec.LoadAndAssign(&g.objects, nil); err != nil {
		return nil, fmt.Errorf("load the event generator: %w", err)
	}
	return g, nil
}

// Map returns the events map. It is the generator's, and is closed with it.
func (g *Generator) Map() *ebpf.Map {
	if g.ringBuffer {
		return g.objects.Ringbuf
	}
	return g.objects.CiliumEvents
}

// LossCounter returns the map that counts the losses of a ring buffer, and nil if the events map is
// a perf event array. It is the generator's as well.
func (g *Generator) LossCounter() *ebpf.Map {
	if g.ringBuffer {
		return g.objects.RingbufLost
	}
	return nil
}

// Pin pins the events map at path as [bpf.PinMap] does, until Close, and the loss counter of a
// ring buffer beside it. It can be done once.
func (g *Generator) Pin(path string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.pins) > 0 {
		return errors.New("the event generator's map is pinned already")
	}
	if g.ringBuffer { // first, so that who finds the map finds it as well
		if err := g.pinLocked(g.objects.RingbufLost, path+agent.RingBufferLossesSuffix); err != nil {
			return err
		}
	}
	if err := g.pinLocked(g.Map(), path); err != nil {
		return errors.Join(err, g.unpinLocked())
	}
	return nil
}

// pinLocked pins a map. The caller holds g.mu.
func (g *Generator) pinLocked(m *ebpf.Map, path string) error {
	pin, err := bpf.PinMap(m, path)
	if err == nil {
		g.pins = append(g.pins, pin)
	}
	return err
}

// unpinLocked unpins all maps. The caller holds g.mu.
func (g *Generator) unpinLocked() error {
	var errs []error
	for _, pin := range slices.Backward(g.pins) {
		errs = append(errs, pin.Remove())
	}
	g.pins = nil
	return errors.Join(errs...)
}

// Close unpins the events map and unloads the programs. Only the first call does
// anything, and no other method may be called after it.
func (g *Generator) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return errors.Join(g.unpinLocked(), g.objects.Close())
}

// EmitTrace emits n trace events, of the form that [TraceLen] and the constants
// beside it describe. Those of one call stay in order as long as the caller
// stays on one CPU. Events that the ring has no room for are not an error, and
// neither is it that nobody reads: [Generator.Counters] tells.
func (g *Generator) EmitTrace(n int) error {
	packet := tracePacket
	return emit(g.objects.EmitTraces, packet[:], 0, n)
}

// EmitSample emits n events that consist of exactly the bytes of sample, 1 to
// [MaxSampleLen]. What a reader gets is padded by up to 7 bytes, in a perf ring buffer. Losses are no
// errors, as with EmitTrace.
func (g *Generator) EmitSample(sample []byte, n int) error {
	if len(sample) == 0 || len(sample) > MaxSampleLen {
		return fmt.Errorf("emit a sample of %d bytes: the length must be 1 to %d", len(sample), MaxSampleLen)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	copy(g.sample.Data[:], sample)
	if err := g.objects.Samples.Put(uint32(0), &g.sample); err != nil {
		return fmt.Errorf("hand the sample to the event generator: %w", err)
	}
	packet := tracePacket
	return emit(g.objects.EmitSamples, packet[:], len(sample), n)
}

// emit runs the program until it has emitted n events. The loop is the program's, not
// BPF_PROG_TEST_RUN's: that one starts over when a signal comes.
func emit(prog *ebpf.Program, packet []byte, sampleLen, n int) error {
	if n < 0 {
		return fmt.Errorf("emit %d events", n)
	}
	request := packet[requestOffset:]
	binary.NativeEndian.PutUint32(request[4:], uint32(sampleLen))
	run := ebpf.RunOptions{Data: packet}
	for n > 0 {
		batch := min(n, batchSize)
		binary.NativeEndian.PutUint32(request, uint32(batch))
		if _, err := prog.Run(&run); err != nil {
			return fmt.Errorf("emit events: %w", err)
		}
		n -= batch
	}
	return nil
}

// Counters says what became of the events that a [Generator] was asked for. Each is in
// one of the four.
type Counters struct {
	Written  uint64 // to the ring of a reader, or to the ring buffer whether somebody reads it or not
	NoReader uint64 // nobody reads that CPU's perf ring buffer: -ENOENT
	NoSpace  uint64 // the ring was full: -ENOSPC, or -EAGAIN of a ring buffer
	Failed   uint64 // refused for another reason

	// Time is what writing took, the reader's wake-up included. It is
	// zero without [GeneratorOptions.MeasureTime].
	Time time.Duration
}

// Total returns the number of events, whatever became of them.
func (c Counters) Total() uint64 {
	return c.Written + c.NoReader + c.NoSpace + c.Failed
}

// Counters returns the sum over all CPUs.
func (g *Generator) Counters() (Counters, error) {
	cpus, err := g.CountersByCPU()
	var sum Counters
	for _, c := range cpus {
		sum.Written += c.Written
		sum.NoReader += c.NoReader
		sum.NoSpace += c.NoSpace
		sum.Failed += c.Failed
		sum.Time += c.Time
	}
	return sum, err
}

// CountersByCPU returns the counters of each possible CPU, by its number.
func (g *Generator) CountersByCPU() ([]Counters, error) {
	var raw []generatorEmitCounters
	if err := g.objects.Counters.Lookup(uint32(0), &raw); err != nil {
		return nil, fmt.Errorf("read the event generator's counters: %w", err)
	}
	cpus := make([]Counters, len(raw))
	for cpu, c := range raw {
		cpus[cpu] = Counters{
			Written:  c.Written,
			NoReader: c.NoReader,
			NoSpace:  c.NoSpace,
			Failed:   c.Failed,
			Time:     time.Duration(c.Nanoseconds),
		}
	}
	return cpus, nil
}

// tracePacket is the packet of the trace events: from 10.0.0.1, port 40000, to
// 10.0.0.2, port 4242.
var tracePacket = [TracePacketLen]byte{
	// Ethernet: destination, source, IPv4.
	0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00,
	// IPv4: total length 114, TTL 64, UDP.
	0x45, 0x00, 0x00, 114, 0x00, 0x00, 0x00, 0x00, 64, 17, 0x66, 0x79,
	10, 0, 0, 1, 10, 0, 0, 2,
	// UDP: length 94, no checksum.
	0x9c, 0x40, 0x10, 0x92, 0x00, 94, 0x00, 0x00,
}
