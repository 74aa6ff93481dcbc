// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// suppressor is a source that suppresses events.
type suppressor struct {
	fakeSource

	counts     sync.Mutex // guards what follows
	suppressed []source.Suppressed
	err        error
}

func (s *suppressor) suppress(typ uint8, rateLimited, aggregated uint64) {
	s.counts.Lock()
	defer s.counts.Unlock()
	s.suppressed = append(s.suppressed, source.Suppressed{Type: typ, RateLimited: rateLimited, Aggregated: aggregated})
}

func (s *suppressor) TakeSuppressed() ([]source.Suppressed, error) {
	s.counts.Lock()
	defer s.counts.Unlock()
	all := s.suppressed
	s.suppressed = nil
	return all, s.err
}

// lines are the samples that a listener got, and losses in their place.
type lines struct {
	orderListener
	mu   sync.Mutex // guards text
	text []string
}

func (l *lines) Enqueue(pl *payload.Payload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	typ, ok := pl.RateLimited()
	switch {
	case ok:
		l.text = append(l.text, "suppressed "+api.MessageTypeName(int(typ)))
	case pl.Type == payload.RecordLost:
		l.text = append(l.text, "lost")
	default:
		l.text = append(l.text, string(pl.Data[1:]))
	}
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.text)
}

// TestSuppressed has a source suppress events: those who want them are told behind what came before, and all of it is
// counted.
func TestSuppressed(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := start(t, agent.WithHealth(health), agent.WithHistory(interest.Types(api.MessageTypeDrop), agent.MinHistoryBytes))
	src := &suppressor{}
	src.suppress(api.MessageTypeTrace, 1000, 0) // before anybody reads it
	require.NoError(t, f.AttachSource("fake", src))
	l, c := &lines{}, &testutils.FakeConsumer{}
	f.RegisterNewListener(l)
	f.RegisterNewConsumer(c)
	drops, err := f.SubscribeEvents(t.Context(), "drops", agent.StreamOptions{Interest: interest.Types(api.MessageTypeDrop)})
	require.NoError(t, err)

	require.True(t, src.write("\x04before"))
	eventually(t, func() bool { return src.pending() == 0 }, "it is read")
	src.suppress(api.MessageTypeTrace, 7, 5)
	src.suppress(api.MessageTypeDrop, 3, 0)
	eventually(t, func() bool { return len(l.all()) == 3 }, "they are told by the next check at the latest")
	require.True(t, src.write("\x04after", "\x01after"))
	eventually(t, func() bool { return len(l.all()) == 5 }, "the rest comes")
	require.Equal(t, []string{"before", "suppressed trace", "suppressed drop", "after", "after"}, l.all())
	require.NoError(t, c.WaitFor(t.Context(), 3+10))
	events, lost := c.Counts()
	require.EqualValues(t, 3, events)
	require.EqualValues(t, 10, lost)

	var got []payload.Payload
	for e := range drops {
		if got = append(got, *e.Payload); len(got) == 2 {
			break
		}
	}
	require.Equal(t, payload.NewRateLimited(3, api.MessageTypeDrop), got[0], "not of traces, which it does not want")
	require.Equal(t, payload.EventSample, got[1].Type)

	stats := f.Stats()
	require.Equal(t, []agent.SuppressedStats{
		{Type: api.MessageTypeDrop, Name: "drop", RateLimited: 3},
		{Type: api.MessageTypeTrace, Name: "trace", RateLimited: 7, Aggregated: 5},
	}, stats.Suppressed)
	require.Zero(t, stats.Lost.Ring())
	require.EqualValues(t, 3+10, stats.Accepted)
	require.EqualValues(t, 3, stats.Datapath.Events())
	require.Equal(t, 2, stats.History.Payloads)
	eventually(t, func() bool { return !strings.Contains(healthOf(root, "fake"), "suppresses") }, "it does not any more")
	src.suppress(api.MessageTypeTrace, 1, 0)
	eventually(t, func() bool {
		return strings.Contains(healthOf(root, "fake"), "a rate limit suppresses events")
	}, "it does")

	src.suppress(api.MessageTypeTrace, 0, 100)
	src.suppress(api.MessageTypeTrace, 2, 0)
	require.NoError(t, f.Detach(t.Context(), "fake"))
	require.Equal(t, "suppressed trace", l.all()[len(l.all())-1], "what was suppressed at the end is told")
	require.EqualValues(t, 105, f.Stats().Suppressed[1].Aggregated)
}

// TestSuppressedOrder has a source write and then suppress, before the reader looks: that comes in this order.
func TestSuppressedOrder(t *testing.T) {
	f := start(t)
	src, l := &suppressor{}, &lines{}
	require.NoError(t, f.AttachSource("fake", src))
	f.RegisterNewListener(l)
	src.mu.Lock()
	src.open.records = append(src.open.records, source.Record{Kind: source.Sample, Head: []byte("\x04before")})
	src.suppress(api.MessageTypeTrace, 7, 0)
	require.NoError(t, src.open.Wake())
	src.mu.Unlock()
	eventually(t, func() bool { return len(l.all()) == 2 }, "both come")
	require.Equal(t, []string{"before", "suppressed trace"}, l.all())
}

// TestSuppressedUnknown has a source whose numbers can't be read: that is said, and its events are read.
func TestSuppressedUnknown(t *testing.T) {
	f := start(t)
	src := &suppressor{err: errors.New("broken")}
	require.NoError(t, f.AttachSource("fake", src))
	c := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(c)
	eventually(t, func() bool { return strings.Contains(f.Stats().Sources[0].Error, "broken") }, "it is reported")
	require.True(t, src.write("\x04sample"))
	require.NoError(t, c.WaitFor(t.Context(), 1))
	require.Zero(t, f.Stats().Sources[0].Failures)
	src.counts.Lock()
	src.err = nil
	src.counts.Unlock()
	eventually(t, func() bool { return f.Stats().Sources[0].Error == "" }, "they can")
	require.Zero(t, f.Stats().Sources[0].Failures)
}

// TestSuppressedOfRingBuffer has a counter beside a ring buffer that is not pinned.
func TestSuppressedOfRingBuffer(t *testing.T) {
	f := start(t)
	gen := datapathOn(t, testutils.GeneratorOptions{RingBufferSize: 1 << 16})
	counter, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 16, MaxEntries: 101})
	require.NoError(t, err)
	defer counter.Close()
	suppress := func(n uint64) {
		require.NoError(t, counter.Put(uint32(100), slices.Repeat([][2]uint64{{n, 0}}, ebpf.MustPossibleCPU())))
	}
	suppress(1000)
	require.ErrorContains(t, f.AttachToRingBuffer("ring", gen.Map(), agent.RingBufferOptions{Suppressed: gen.LossCounter()}), "counter of suppressed events")
	require.NoError(t, f.AttachToRingBuffer("ring", gen.Map(), agent.RingBufferOptions{Suppressed: counter}))
	c := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(c)
	suppress(1001)
	require.NoError(t, gen.EmitTrace(1))
	require.NoError(t, c.WaitFor(t.Context(), 1+uint64(ebpf.MustPossibleCPU())))
	require.EqualValues(t, 100, f.Stats().Suppressed[0].Type)
}
