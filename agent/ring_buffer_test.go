// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	libringbuf "github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

var ringBuffer = testutils.GeneratorOptions{RingBufferSize: 1 << 19}

// TestRingBufferBefore has a datapath write before anybody is subscribed, more than there is room for:
// neither the events nor the losses are for who comes later.
func TestRingBufferBefore(t *testing.T) {
	f := attachedOn(t, testutils.GeneratorOptions{RingBufferSize: 1 << 12})
	for range 3 {
		require.NoError(t, f.gen.EmitTrace(1000))
		before := f.emitted(t)
		c := f.connect(t)
		require.NoError(t, f.gen.EmitTrace(10))
		eventually(t, func() bool { return c.total() == 10 }, "what comes from then on")
		require.EqualValues(t, 10, c.delivered())
		require.Equal(t, before+10, f.emitted(t))
		require.NoError(t, c.conn.Close())
		eventually(t, func() bool { return f.State() == nil }, "nobody is subscribed")
	}
	require.Zero(t, f.Stats().Lost.Ring())
}

// TestRingBufferDetach detaches while a datapath writes without a pause: what it wrote until then is
// delivered or reported lost, and the agent can be attached again.
func TestRingBufferDetach(t *testing.T) {
	f := start(t)
	gen := datapathOn(t, ringBuffer)
	for range 5 {
		c := &testutils.FakeConsumer{}
		f.RegisterNewConsumer(c)
		require.NoError(t, f.AttachToRingBuffer("ring", gen.Map(), agent.RingBufferOptions{Losses: gen.LossCounter()}))
		begun := emittedBy(t, gen)
		ctx, cancel := context.WithCancel(t.Context())
		var flood sync.WaitGroup
		for cpu := range 2 {
			flood.Go(func() {
				assert.NoError(t, testutils.OnCPU(cpu, func() error {
					for ctx.Err() == nil {
						if err := gen.EmitTrace(64); err != nil {
							return err
						}
					}
					return nil
				}))
			})
		}
		require.NoError(t, c.WaitFor(ctx, 1000))
		before := emittedBy(t, gen)
		require.NoError(t, f.Detach(t.Context(), "ring"))
		after := emittedBy(t, gen)
		cancel()
		flood.Wait()
		events, lost := c.Counts()
		require.GreaterOrEqual(t, begun+events+lost, before, "all that it wrote before")
		require.LessOrEqual(t, begun+events+lost, after+2*64, "and no more than it wrote until then")
		require.NoError(t, agent.CheckEventsMap(gen.Map()), "others can read it")
		f.RemoveConsumer(c)
	}
}

// TestRingBufferLossesUnknown attaches a ring buffer without a counter.
func TestRingBufferLossesUnknown(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := start(t, agent.WithHealth(health))
	gen := datapathOn(t, ringBuffer)
	require.NoError(t, f.AttachToMap("ring", gen.Map(), 1))
	require.Equal(t, "ring buffer", sourceStats(t, f.Agent, "ring").Kind)
	require.False(t, sourceStats(t, f.Agent, "ring").LossesUnknown, "nobody is subscribed")
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	require.True(t, sourceStats(t, f.Agent, "ring").LossesUnknown)
	eventually(t, func() bool {
		return healthOf(root, "ring") == "Reading a ring buffer of 524288 bytes, losses in the kernel are unknown"
	}, "the health says so")
	require.EqualValues(t, 1, f.State().Cpus)
	require.EqualValues(t, 1<<19/os.Getpagesize(), f.State().Npages)

	require.NoError(t, f.Detach(t.Context(), "ring"))
	require.NoError(t, f.AttachToRingBuffer("ring", gen.Map(), agent.RingBufferOptions{Losses: gen.LossCounter()}))
	require.False(t, sourceStats(t, f.Agent, "ring").LossesUnknown)
	require.NoError(t, f.AttachToEventsMap(1))
	require.Equal(t, "perf ring buffers", sourceStats(t, f.Agent, agent.EventsMapSource).Kind)
	require.False(t, sourceStats(t, f.Agent, agent.EventsMapSource).LossesUnknown)
}

// framed takes what follows a type and a length of 4 bytes each.
func framed(frame []byte) (event []byte, ok bool) {
	return frame[8:], frame[0] == 7
}

// TestFrames reads events that have a header of another kind in front of them.
func TestFrames(t *testing.T) {
	f := startOn(t, ringBuffer, nil, agent.WithFrames(framed))
	require.NoError(t, f.AttachToEventsMap(1))
	other := datapathOn(t, ringBuffer)
	require.NoError(t, f.AttachToRingBuffer("other", other.Map(), agent.RingBufferOptions{Frames: framed}))
	c := f.connect(t)
	c.keepEvents()
	for n, gen := range []*testutils.Generator{f.gen, other} {
		frame := []byte{7, 0, 0, 0, 12, 0, 0, 0, 200, 1, 2, 3}
		require.NoError(t, gen.EmitSample(frame, 2))
		require.NoError(t, gen.EmitSample([]byte{7, 0, 0}, 1)) // has framed panic
		frame[0] = 6
		require.NoError(t, gen.EmitSample(frame, 3))
		eventually(t, func() bool { return c.total() == uint64(2*n+2) }, "the events come")
		eventually(t, func() bool { return f.State().Unknown == int64(4*n+4) }, "the rest is unknown")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, event := range c.events {
		require.True(t, bytes.Equal([]byte{200, 1, 2, 3}, event), "%v", event)
	}
}

// TestOtherTypePinned has the datapath come back with an events map of the other type, and back.
func TestOtherTypePinned(t *testing.T) {
	f := attached(t)
	c := f.connect(t)
	path := f.Stats().EventsMap
	var emitted uint64
	for _, kind := range []testutils.GeneratorOptions{ringBuffer, {}, ringBuffer} {
		require.NoError(t, f.gen.EmitTrace(100))
		emitted += 100
		eventually(t, func() bool { return c.total() == emitted }, "the client has everything")
		require.NoError(t, f.gen.Close())
		f.gen = datapathOn(t, kind)
		require.NoError(t, f.gen.Pin(path))
		want := "perf ring buffers"
		if kind.RingBufferSize > 0 {
			want = "ring buffer"
		}
		eventually(t, func() bool { return sourceStats(t, f.Agent, agent.EventsMapSource).Kind == want }, "it is read")
		eventually(t, func() bool { return !deaf(t, f.Agent) }, "all is well")
		pages := 64
		if kind.RingBufferSize > 0 {
			pages = kind.RingBufferSize / os.Getpagesize()
		}
		require.EqualValues(t, pages, f.State().Npages)
	}
	eventually(t, func() bool { return sourceStats(t, f.Agent, agent.EventsMapSource).Reopened == 3 }, "each is counted")
}

// TestRingBufferIntruder has somebody take events who knows nothing of the agent: it says so, and reads
// again when they are gone.
func TestRingBufferIntruder(t *testing.T) {
	f := attachedOn(t, ringBuffer)
	c := f.connect(t)
	require.NoError(t, f.gen.EmitTrace(10))
	eventually(t, func() bool { return c.total() == 10 }, "the client has everything")
	intruder, err := libringbuf.NewReader(f.gen.Map())
	require.NoError(t, err)
	eventually(t, func() bool { // it need not be there first
		require.NoError(t, f.gen.EmitTrace(100))
		intruder.SetDeadline(time.Unix(1, 0))
		_, err := intruder.Read()
		return err == nil && deaf(t, f.Agent)
	}, "the agent notices")
	require.Contains(t, sourceStats(t, f.Agent, agent.EventsMapSource).Error, "position was moved")
	require.NoError(t, intruder.Close())
	require.NoError(t, f.gen.EmitTrace(10))
	eventually(t, func() bool { return !deaf(t, f.Agent) }, "the agent reads again")
	before := c.total()
	require.NoError(t, f.gen.EmitTrace(10))
	eventually(t, func() bool { return c.total() >= before+10 }, "events come again")
}

// TestRingBufferRefusals attaches what is no ring buffer, or has a counter that can't be one.
func TestRingBufferRefusals(t *testing.T) {
	f := start(t)
	require.ErrorContains(t, f.AttachToRingBuffer("perf", f.gen.Map(), agent.RingBufferOptions{}), "not a RingBuf")
	require.Error(t, f.AttachToRingBuffer("nil", nil, agent.RingBufferOptions{}))
	require.ErrorIs(t, (*agent.Agent)(nil).AttachToRingBuffer("none", nil, agent.RingBufferOptions{}), agent.ErrNoAgent)
	gen := datapathOn(t, ringBuffer)
	hash, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	require.NoError(t, err)
	defer hash.Close()
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	require.NoError(t, f.AttachToRingBuffer("ring", gen.Map(), agent.RingBufferOptions{Losses: hash}))
	eventually(t, func() bool { return sourceStats(t, f.Agent, "ring").Error != "" }, "it is told")
	require.Contains(t, sourceStats(t, f.Agent, "ring").Error, "loss counter")
	require.True(t, sourceStats(t, f.Agent, "ring").Reading, "it is read all the same")

	other := datapathOn(t, ringBuffer)
	require.NoError(t, f.AttachToRingBuffer("other", other.Map(), agent.RingBufferOptions{Wanted: hash}))
	eventually(t, func() bool { return sourceStats(t, f.Agent, "other").Error != "" }, "it is told")
	require.Contains(t, sourceStats(t, f.Agent, "other").Error, "the map of what is wanted is a map of type Hash")
	require.True(t, sourceStats(t, f.Agent, "other").Reading, "it is read all the same")
	require.Zero(t, sourceStats(t, f.Agent, "other").Failures)
}
