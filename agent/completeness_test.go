// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// emitsTo tells whether the events of a datapath are read.
func emitsTo(t *testing.T, gen *testutils.Generator) bool {
	t.Helper()
	if gen.LossCounter() != nil {
		return errors.Is(agent.CheckEventsMap(gen.Map()), agent.ErrTaken)
	}
	before := emittedBy(t, gen)
	require.NoError(t, gen.EmitTrace(1))
	return emittedBy(t, gen) > before
}

// readingText is what the health says while events maps of that kind are read.
func readingText(kind testutils.GeneratorOptions) string {
	if kind.RingBufferSize > 0 {
		return fmt.Sprintf("Reading a ring buffer of %d bytes", kind.RingBufferSize)
	}
	return "Reading the perf ring buffers of "
}

// TestMapReplaced has the datapath go and come back, which pins another map at the path: the agent
// says that it is deaf in between, and reads the new map.
func TestMapReplaced(t *testing.T) { overBoth(t, testMapReplaced) }

func testMapReplaced(t *testing.T, kind testutils.GeneratorOptions) {
	health, root := cell.NewSimpleHealth()
	f := attachedOn(t, kind, agent.WithHealth(health))
	c := f.connect(t)
	emitted := uint64(0)
	path := f.Stats().EventsMap
	for range 2 {
		require.NoError(t, f.gen.EmitTrace(100))
		require.NoError(t, os.Remove(path))
		_ = os.Remove(path + agent.RingBufferLossesSuffix) // which a ring buffer has
		eventually(t, func() bool { return sourceStats(t, f.Agent, agent.EventsMapSource).Error != "" }, "the agent notices")
		require.Equal(t, "Events may be missing", healthOf(root, agent.EventsMapSource))
		require.True(t, f.emits(t), "the old map is read as long as it is there")
		require.NotEmpty(t, f.connect(t).firstNotice(t), "who connects is told what is wrong")

		restarted := datapathOn(t, kind)
		require.NoError(t, restarted.Pin(path))
		eventually(t, func() bool { return emitsTo(t, restarted) }, "the new map is read")
		eventually(t, func() bool { return sourceStats(t, f.Agent, agent.EventsMapSource).Error == "" }, "all is well")
		require.Contains(t, healthOf(root, agent.EventsMapSource), readingText(kind))
		require.False(t, f.emits(t), "the old map is let go")
		emitted += emittedBy(t, f.gen)
		f.gen = restarted
		eventually(t, func() bool { return c.total() == emitted+emittedBy(t, restarted) }, "the client has everything that was read")
	}
	require.EqualValues(t, 2, sourceStats(t, f.Agent, agent.EventsMapSource).Reopened)
	eventually(t, func() bool { return c.noticed("unknown number") && c.noticed("read again") }, "clients are told")
}

// anotherAgent starts a second agent that reads the same map.
func (f *fixture) anotherAgent(t *testing.T, opts ...agent.Option) (a *agent.Agent, c *testutils.FakeConsumer, stop func()) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	opts = append([]agent.Option{agent.WithLogger(log), agent.WithEventsMap(f.Stats().EventsMap)}, opts...)
	a = agent.NewAgent(ctx, opts...)
	stop = func() {
		cancel()
		<-a.Done()
	}
	t.Cleanup(stop)
	c = &testutils.FakeConsumer{}
	a.RegisterNewConsumer(c)
	require.NoError(t, a.AttachToEventsMap(8))
	return a, c, stop
}

func deaf(t *testing.T, a *agent.Agent) bool {
	t.Helper()
	return sourceStats(t, a, agent.EventsMapSource).Error != ""
}

// TestSecondAgentWaits starts an agent on a map that is read already: it takes nothing away, says
// why it does not read, and reads once the first one is gone.
func TestSecondAgentWaits(t *testing.T) { overBoth(t, testSecondAgentWaits) }

func testSecondAgentWaits(t *testing.T, kind testutils.GeneratorOptions) {
	f := attachedOn(t, kind)
	c := f.connect(t)
	second, consumer, _ := f.anotherAgent(t)
	eventually(t, func() bool { return deaf(t, second) }, "the second agent says that it is deaf")
	require.Contains(t, sourceStats(t, second, agent.EventsMapSource).Error, "somebody else reads the events map")
	require.Nil(t, second.State())
	for range 10 {
		require.NoError(t, f.gen.EmitTrace(100))
	}
	eventually(t, func() bool { return c.total() == f.emitted(t) }, "the first agent has everything")
	require.False(t, deaf(t, f.Agent))
	notices, _ := consumer.Counts()

	f.stop()
	eventually(t, func() bool { return second.State() != nil }, "the second one reads")
	before := f.emitted(t)
	require.NoError(t, f.gen.EmitTrace(100))
	eventually(t, func() bool { events, _ := consumer.Counts(); return events >= notices+100 }, "it has what came since")
	require.Equal(t, before+100, f.emitted(t))
}

// TestTakeOver has a second agent take the map over from the first one, as in an upgrade without a
// gap: the first one says so, and when it stops it takes nothing away from the second one.
func TestTakeOver(t *testing.T) { overBoth(t, testTakeOver) }

func testTakeOver(t *testing.T, kind testutils.GeneratorOptions) {
	f := attachedOn(t, kind)
	c := f.connect(t)
	other, _, stop := f.anotherAgent(t, agent.WithTakeOver())
	eventually(t, func() bool { return deaf(t, f.Agent) }, "the first agent says that it is deaf")
	eventually(t, func() bool { return other.State() != nil }, "the other one reads")
	eventually(t, func() bool { return c.noticed("somebody else reads the events map") }, "clients are told")
	eventually(t, func() bool { return !deaf(t, other) }, "and says so")

	// The first one, which waits, reads again when the second one is gone.
	stop()
	eventually(t, func() bool { return !deaf(t, f.Agent) }, "the first agent reads again")
	before := c.total()
	require.NoError(t, f.gen.EmitTrace(10))
	eventually(t, func() bool { return c.total() == before+10 }, "events come")

	second, consumer, _ := f.anotherAgent(t, agent.WithTakeOver())
	eventually(t, func() bool { return second.State() != nil }, "the second agent reads")
	f.stop()
	for range 5 {
		before, _ := consumer.Counts()
		require.NoError(t, f.gen.EmitTrace(100))
		eventually(t, func() bool { events, _ := consumer.Counts(); return events >= before+100 }, "the second one goes on")
	}
	require.Zero(t, sourceStats(t, second, agent.EventsMapSource).Reopened, "it need not have read anew")
}

// TestTakenOut takes the reader's entries out of the map, as an agent does that does not look whose
// they are.
func TestTakenOut(t *testing.T) {
	f := attached(t)
	c := f.connect(t)
	require.NoError(t, f.gen.EmitTrace(10))
	require.NoError(t, f.gen.Map().Delete(uint32(0)))
	eventually(t, func() bool { return sourceStats(t, f.Agent, agent.EventsMapSource).Reopened == 1 }, "the agent notices")
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(10) }))
	require.NoError(t, testutils.OnCPU(1, func() error { return f.gen.EmitTrace(10) }))
	eventually(t, func() bool { return c.total() == 30 }, "events come again")
}

// TestTakenOutOfBusyRing takes an entry out while the ring is lazy, and is armed since nothing comes
// any more: that must not put the entry back as if nothing had been missed. It does if the entry is
// taken out just then, between looking and putting, so that nothing was.
func TestTakenOutOfBusyRing(t *testing.T) {
	f := attached(t)
	f.connect(t)
	written := func() bool {
		before := f.emitted(t)
		require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(1) }))
		return f.emitted(t) > before
	}
	for range 5 {
		require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(1000) }))
		require.NoError(t, f.gen.Map().Delete(uint32(0)))
		eventually(t, written, "events come again")
	}
	require.NotZero(t, sourceStats(t, f.Agent, agent.EventsMapSource).Reopened, "the agent notices")
}

// TestTakeOverBusyMap takes the map over under load: the first agent does not take it back when its
// rings get quiet.
func TestTakeOverBusyMap(t *testing.T) {
	f := attached(t)
	f.connect(t)
	for range 5 {
		require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(1000) }))
		other, consumer, stop := f.anotherAgent(t, agent.WithTakeOver())
		eventually(t, func() bool { return deaf(t, f.Agent) }, "the first agent says that it is deaf")
		before, _ := consumer.Counts()
		eventually(t, func() bool {
			require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(10) }))
			events, _ := consumer.Counts()
			return events >= before+10
		}, "the second one reads")
		eventually(t, func() bool { return !deaf(t, other) }, "all of it")
		stop()
		eventually(t, func() bool { return !deaf(t, f.Agent) }, "the first agent reads again")
	}
}

// staleSource is a source whose first rings are stale. They get a last record as they are detached, the
// next ones have one from the start.
type staleSource struct{ fakeSource }

type staleRings struct {
	*fakeRings
	first bool
}

func (s *staleSource) Open() (source.Rings, error) {
	rings, err := s.fakeSource.Open()
	r := &staleRings{fakeRings: rings.(*fakeRings), first: s.opened == 1}
	if !r.first {
		r.add("after")
	}
	return r, err
}

func (r *staleRings) Check() error {
	if r.first {
		return source.ErrStale
	}
	return nil
}

func (r *staleRings) Detach() error {
	if r.first {
		r.add("before")
	}
	return nil
}

func (r *staleRings) add(sample string) {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	r.records = append(r.records, source.Record{Kind: source.Sample, Head: []byte(sample)})
}

// TestNoticeInPlace has a source be read anew: what it had until then comes before the notice, what
// comes from then on after it.
func TestNoticeInPlace(t *testing.T) {
	f := start(t)
	consumer := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(consumer)
	require.NoError(t, f.AttachSource("stale", &staleSource{}))
	require.NoError(t, consumer.WaitFor(t.Context(), 3))
	got := consumer.Notifications()
	require.Equal(t, "before", string(got[0].Data))
	require.Equal(t, api.MessageTypeAgent, got[1].Type)
	require.Equal(t, "after", string(got[2].Data))
}

// TestSmallMap attaches a map that has no entry for some CPUs.
func TestSmallMap(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := start(t, agent.WithHealth(health))
	small, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerfEventArray, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	require.NoError(t, err)
	defer small.Close()
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	require.NoError(t, f.AttachToMap("small", small, 1))
	eventually(t, func() bool { return healthOf(root, "small") == "Events may be missing" }, "the health says so")
	require.Contains(t, sourceStats(t, f.Agent, "small").Error, "no room")
	require.True(t, sourceStats(t, f.Agent, "small").Reading, "the others are read")
	require.Zero(t, sourceStats(t, f.Agent, "small").Reopened)
}

// TestSamplesLargerThanTheRing emits samples that never fit. No record tells that they are lost.
func TestSamplesLargerThanTheRing(t *testing.T) {
	f := start(t)
	require.NoError(t, f.AttachToEventsMap(1))
	c := f.connect(t)
	for n := uint64(10); n <= 30; n += 10 {
		require.NoError(t, f.gen.EmitSample(make([]byte, 3*os.Getpagesize()), 10))
		eventually(t, func() bool { return c.total() == n }, "the losses are told")
	}
	require.Zero(t, c.delivered())
}

// TestReadAnewFails has the agent be unable to read anew, for want of descriptors: what it reads it
// goes on reading, and it reads all of it again once it can.
func TestReadAnewFails(t *testing.T) {
	f := attached(t)
	c := f.connect(t)
	restore := exhaustDescriptors(t)
	require.NoError(t, f.gen.Map().Delete(uint32(0)))
	eventually(t, func() bool { return deaf(t, f.Agent) }, "the agent says that it is deaf")
	for n := uint64(10); n <= 30; n += 10 {
		require.NoError(t, testutils.OnCPU(1, func() error { return f.gen.EmitTrace(10) }))
		eventually(t, func() bool { return c.total() == n }, "the other CPU is read")
	}
	restore()
	eventually(t, func() bool { return !deaf(t, f.Agent) }, "the agent reads all of it")
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(10) }))
	eventually(t, func() bool { return c.total() == 40 }, "the first CPU is read again")
}

// TestTakeOverOnce has two agents that are both told to take over: the one that was there before does
// not take the map back, also for a new client.
func TestTakeOverOnce(t *testing.T) { overBoth(t, testTakeOverOnce) }

func testTakeOverOnce(t *testing.T, kind testutils.GeneratorOptions) {
	f := attachedOn(t, kind, agent.WithTakeOver())
	c := f.connect(t)
	second, _, stop := f.anotherAgent(t, agent.WithTakeOver())
	eventually(t, func() bool { return deaf(t, f.Agent) }, "the first agent is deaf")
	require.NoError(t, c.conn.Close())
	eventually(t, func() bool { return len(f.Stats().Clients) == 0 }, "nobody is subscribed to it")
	c = f.connect(t)
	eventually(t, func() bool { return deaf(t, f.Agent) }, "the first agent is still deaf")
	eventually(t, func() bool { return second.State() != nil }, "the second one reads")
	stop()
	eventually(t, func() bool { return !deaf(t, f.Agent) }, "the first agent reads")
	require.NoError(t, f.gen.EmitTrace(10))
	eventually(t, func() bool { return c.total() == 10 }, "events come")
}
