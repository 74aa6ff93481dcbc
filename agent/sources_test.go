// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

// datapath loads another datapath, whose map is not pinned.
func datapath(t testing.TB) *testutils.Generator {
	t.Helper()
	return datapathOn(t, testutils.GeneratorOptions{})
}

// datapathOn is datapath with that kind of events map.
func datapathOn(t testing.TB, kind testutils.GeneratorOptions) *testutils.Generator {
	t.Helper()
	gen, err := testutils.NewGenerator(kind)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gen.Close()) })
	return gen
}

// emittedBy returns how many events a datapath wrote or tried to write while it was read.
func emittedBy(t testing.TB, gen *testutils.Generator) uint64 {
	t.Helper()
	counters, err := gen.Counters()
	require.NoError(t, err)
	return counters.Written + counters.NoSpace
}

func sourceStats(t testing.TB, a *agent.Agent, name string) agent.SourceStats {
	t.Helper()
	sources := a.Stats().Sources
	i := slices.IndexFunc(sources, func(s agent.SourceStats) bool { return s.Name == name })
	require.GreaterOrEqual(t, i, 0, "there is no source %s", name)
	return sources[i]
}

// TestSources reads four datapaths at once, of both kinds: all subscribers see the events in one order, and
// nothing is lost untold, in sum and by source.
func TestSources(t *testing.T) {
	f := attached(t, agent.WithQueueSize(1<<16))
	ring := datapathOn(t, testutils.GeneratorOptions{RingBufferSize: 1 << 16})
	datapaths := map[string]*testutils.Generator{agent.EventsMapSource: f.gen, "second": datapath(t), "third": datapath(t), "ring": ring}
	first := &orderConsumer{}
	f.RegisterNewConsumer(first) // before three of the sources
	require.NoError(t, f.AttachToMap("second", datapaths["second"].Map(), 64))
	require.NoError(t, f.AttachToMap("third", datapaths["third"].Map(), 64))
	require.NoError(t, f.AttachToRingBuffer("ring", ring.Map(), agent.RingBufferOptions{Losses: ring.LossCounter()}))
	second, l := &orderConsumer{}, &orderListener{}
	f.RegisterNewConsumer(second)
	f.RegisterNewListener(l)
	c := f.connect(t)

	var flood sync.WaitGroup
	for _, gen := range datapaths {
		for cpu := range 2 {
			flood.Go(func() {
				for range 30 {
					assert.NoError(t, testutils.OnCPU(cpu, func() error { return gen.EmitTrace(500) }))
				}
			})
		}
	}
	flood.Wait()
	var emitted uint64
	for _, gen := range datapaths {
		emitted += emittedBy(t, gen)
	}
	require.EqualValues(t, len(datapaths)*2*30*500, emitted)
	eventually(t, func() bool { return c.total() == emitted }, "the client has everything")
	for name, gen := range datapaths {
		counters, err := gen.Counters()
		require.NoError(t, err)
		stats := sourceStats(t, f.Agent, name)
		require.True(t, stats.Reading)
		require.Equal(t, counters.NoSpace, stats.Lost, name)
		require.GreaterOrEqual(t, stats.Records, counters.Written, name)
	}
	f.stop()
	require.True(t, slices.Equal(first.seen, second.seen), "consumers see one order")
	require.True(t, slices.Equal(first.seen, l.seen), "so do listeners")
}

// TestAttachToMap attaches a map that was never pinned, and detaches it: its datapath is read
// exactly in between, and the events map is not affected.
func TestAttachToMap(t *testing.T) {
	f := start(t)
	gen := datapath(t)
	c := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(c)
	reads := func(gen *testutils.Generator) bool {
		before := emittedBy(t, gen)
		require.NoError(t, gen.EmitTrace(1))
		return emittedBy(t, gen) > before
	}
	require.False(t, reads(gen))
	for range 3 {
		own, err := gen.Map().Clone()
		require.NoError(t, err)
		require.NoError(t, f.AttachToMap("mine", own, 3))
		require.NoError(t, own.Close(), "the map is the caller's")
		require.True(t, reads(gen))
		require.EqualValues(t, 4, f.State().Npages, "State describes it")

		require.NoError(t, f.AttachToEventsMap(64))
		require.EqualValues(t, 64, f.State().Npages, "State describes the events map")
		require.NoError(t, f.Detach(t.Context(), "mine"))
		require.False(t, reads(gen))
		require.True(t, f.emits(t), "the events map is still read")
		require.NoError(t, f.DetachFromEventsMap(t.Context()))
		events, lost := c.Counts()
		require.Equal(t, f.emitted(t)+emittedBy(t, gen), events+lost)
	}
	require.NoError(t, f.Detach(t.Context(), "mine"), "it is detached already")
	require.Empty(t, f.Stats().Sources)
}

// TestAttachRefusals checks what can't be attached: nothing changes by that.
func TestAttachRefusals(t *testing.T) {
	f := attached(t)
	gen := datapath(t)
	require.NoError(t, f.AttachToMap("mine", gen.Map(), 1))
	other := datapath(t)
	require.ErrorIs(t, f.AttachToMap("mine", other.Map(), 1), agent.ErrAttached, "the name is taken")
	err := f.AttachToMap("again", gen.Map(), 1)
	require.ErrorIs(t, err, agent.ErrAttached, "the map is taken")
	require.ErrorContains(t, err, `"mine"`)
	require.ErrorIs(t, f.AttachToMap(agent.EventsMapSource, other.Map(), 1), agent.ErrAttached)
	require.ErrorIs(t, f.AttachToMap("pinned", f.gen.Map(), 1), agent.ErrAttached)
	require.Error(t, f.AttachToMap("", other.Map(), 1))
	require.Error(t, f.AttachToMap("nil", nil, 1))
	require.ErrorContains(t, f.AttachToMap("small", other.Map(), 0), "0 pages")
	require.Error(t, f.AttachSource("nil", nil))
	hash, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	require.NoError(t, err)
	defer hash.Close()
	require.ErrorContains(t, f.AttachToMap("hash", hash, 1), "PerfEventArray")
	require.ErrorIs(t, (*agent.Agent)(nil).AttachToMap("mine", other.Map(), 1), agent.ErrNoAgent)
	require.ErrorIs(t, (*agent.Agent)(nil).AttachSource("mine", nil), agent.ErrNoAgent)
	require.ErrorIs(t, (*agent.Agent)(nil).Detach(t.Context(), "mine"), agent.ErrNoAgent)
	require.Len(t, f.Stats().Sources, 2)
	f.stop()
	require.ErrorIs(t, f.AttachToMap("late", other.Map(), 1), agent.ErrStopped)
	require.ErrorIs(t, f.Detach(t.Context(), "mine"), agent.ErrStopped)
}

// brittleSource is a source that can be made to fail, and that counts how often it is closed.
type brittleSource struct {
	source.Source
	broken atomic.Bool
	closed atomic.Int32
}

var errBroken = errors.New("a broken source")

func (s *brittleSource) Open() (source.Rings, error) {
	if s.broken.Load() {
		return nil, errBroken
	}
	return s.Source.Open()
}

func (s *brittleSource) Close() error {
	s.closed.Add(1)
	return s.Source.Close()
}

// TestSourceFailsAlone has one of two sources fail and recover: it says so under its name, and
// the other one is read all the time.
func TestSourceFailsAlone(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	scope := func(name string) (cell.Level, string) {
		h := root.GetChild(name)
		if h == nil {
			return "", ""
		}
		h.Lock()
		defer h.Unlock()
		return h.Level, h.Status
	}
	f := attached(t, agent.WithHealth(health))
	gen := datapath(t)
	m, err := gen.Map().Clone()
	require.NoError(t, err)
	brittle := &brittleSource{Source: perfring.New(m, perfring.Options{Pages: 8})}
	brittle.broken.Store(true)
	require.NoError(t, f.AttachSource("brittle", brittle))
	c := f.connect(t)
	eventually(t, func() bool { level, _ := scope("brittle"); return level == cell.StatusDegraded }, "the source failed")
	level, _ := scope(agent.EventsMapSource)
	require.Equal(t, cell.StatusOK, level)
	root.Lock()
	require.Equal(t, cell.StatusDegraded, root.Level)
	require.Contains(t, root.Status, "brittle")
	root.Unlock()
	stats := sourceStats(t, f.Agent, "brittle")
	require.False(t, stats.Reading)
	require.NotZero(t, stats.Failures)
	require.Equal(t, errBroken.Error(), stats.Error)
	require.True(t, f.emits(t))

	brittle.broken.Store(false)
	eventually(t, func() bool { return sourceStats(t, f.Agent, "brittle").Reading }, "the source recovers")
	eventually(t, func() bool { level, _ := scope("brittle"); return level == cell.StatusOK }, "it says so")
	require.NoError(t, gen.EmitTrace(100))
	eventually(t, func() bool { return c.total() == f.emitted(t)+emittedBy(t, gen) }, "the client has everything")

	require.NoError(t, f.Detach(t.Context(), "brittle"))
	require.EqualValues(t, 1, brittle.closed.Load())
	level, _ = scope("brittle")
	require.NotEqual(t, cell.StatusDegraded, level)
	f.stop()
	require.EqualValues(t, 1, brittle.closed.Load())
}

// TestStopClosesSources checks that sources which are attached when the agent stops are closed.
func TestStopClosesSources(t *testing.T) {
	f := start(t)
	m, err := datapath(t).Map().Clone()
	require.NoError(t, err)
	src := &brittleSource{Source: perfring.New(m, perfring.Options{Pages: 8})}
	require.NoError(t, f.AttachSource("one", src))
	f.stop()
	require.EqualValues(t, 1, src.closed.Load())
}
