// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

// fakeSource is a source without a datapath. It has one ring with the records that it is given.
type fakeSource struct {
	cpu    int
	closed int // how often; read once the agent does not use it any more

	mu      sync.Mutex // guards what follows
	opened  int
	open    *fakeRings // nil while not open
	waitErr error      // that Wait returns
}

// fakeRings are the rings of a fakeSource, and its only ring.
type fakeRings struct {
	source *fakeSource
	wake   chan struct{}

	// Guarded by fakeSource.mu.
	records []source.Record
	nextErr error // that Next returns
}

func (s *fakeSource) Open() (source.Rings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	s.open = &fakeRings{source: s, wake: make(chan struct{}, 1)}
	return s.open, nil
}

func (s *fakeSource) Close() error {
	s.closed++
	return nil
}

// write writes samples, and tells whether anybody reads them.
func (s *fakeSource) write(samples ...string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return false
	}
	for _, sample := range samples {
		s.open.records = append(s.open.records, source.Record{Kind: source.Sample, Head: []byte(sample)})
	}
	return s.open.Wake() == nil
}

// lose reports a loss of n events, and tells whether anybody reads it.
func (s *fakeSource) lose(n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return false
	}
	s.open.records = append(s.open.records, source.Record{Kind: source.Lost, Lost: n})
	return s.open.Wake() == nil
}

// pending returns how many records are not read yet.
func (s *fakeSource) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return 0
	}
	return len(s.open.records)
}

// fail has Wait return an error until it is called with nil.
func (s *fakeSource) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waitErr = err
	if s.open != nil {
		_ = s.open.Wake()
	}
}

func (r *fakeRings) All() []source.Ring { return []source.Ring{r} }
func (r *fakeRings) CPU() int           { return r.source.cpu }
func (r *fakeRings) Release()           {}
func (r *fakeRings) Unmap() error       { return r.Detach() }
func (r *fakeRings) Close() error       { return r.Detach() }

func (r *fakeRings) Wait(timeout time.Duration) ([]int, error) {
	var expired <-chan time.Time
	if timeout != source.Forever {
		expired = time.After(timeout)
	}
	for {
		r.source.mu.Lock()
		err, pending := r.source.waitErr, len(r.records)
		r.source.mu.Unlock()
		if err != nil {
			return nil, err
		}
		if pending > 0 {
			return []int{0}, nil
		}
		select {
		case <-r.wake:
			return nil, nil
		case <-expired:
			return nil, nil
		}
	}
}

func (r *fakeRings) Wake() error {
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

func (r *fakeRings) Detach() error {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	if r.source.open == r {
		r.source.open = nil
	}
	return nil
}

func (r *fakeRings) Pending() int {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	return len(r.records)
}

func (r *fakeRings) Next(rec *source.Record) (bool, error) {
	r.source.mu.Lock()
	defer r.source.mu.Unlock()
	if len(r.records) == 0 || r.nextErr != nil {
		return false, r.nextErr
	}
	*rec, r.records = r.records[0], r.records[1:]
	return true, nil
}

// healthOf returns what is reported in the scope of a source.
func healthOf(root *cell.SimpleHealth, name string) string {
	scope := root.GetChild(name)
	if scope == nil {
		return ""
	}
	scope.Lock()
	defer scope.Unlock()
	return scope.Status
}

// TestAttachWhileDetaching attaches a source anew while one of the same name is being detached,
// which a callback holds up: it is read as soon as that is gone, and its health is its own.
func TestAttachWhileDetaching(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := start(t, agent.WithHealth(health))
	first, second := &fakeSource{}, &fakeSource{}
	require.NoError(t, f.AttachSource("fake", first))
	c := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	f.RegisterNewConsumer(c)
	eventually(t, func() bool { return first.write("one") }, "the source is read")
	<-c.called

	detached := make(chan error, 1)
	go func() { detached <- f.Detach(t.Context(), "fake") }()
	eventually(t, func() bool { return len(f.Stats().Sources) == 0 }, "the detachment has begun")
	require.ErrorIs(t, f.AttachSource("again", first), agent.ErrAttached, "the agent owns it")
	require.NoError(t, f.AttachSource("fake", second))
	require.False(t, second.write("too early"))
	require.Contains(t, healthOf(root, "fake"), "Waiting")
	root.Lock()
	require.NotContains(t, root.Status, "Nobody is subscribed")
	root.Unlock()
	close(c.release)
	require.NoError(t, <-detached)
	eventually(t, func() bool { return second.write("two") }, "the second one is read")
	<-c.called
	eventually(t, func() bool { return healthOf(root, "fake") == "Reading 1 rings" }, "its health is its own")
	require.Equal(t, 1, first.closed)
	require.Equal(t, 1, first.opened)

	f.RemoveConsumer(c)
	require.Contains(t, healthOf(root, "fake"), "Nobody is subscribed")
	f.stop()
	require.Equal(t, 1, second.closed)
}

// TestImpossibleCPU has a source whose ring is one of a CPU that can't be.
func TestImpossibleCPU(t *testing.T) {
	f := start(t)
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	for _, cpu := range []int{-1, source.MaxCPUs, 1 << 62} {
		require.NoError(t, f.AttachSource("fake", &fakeSource{cpu: cpu}))
		eventually(t, func() bool { return strings.Contains(f.Stats().Sources[0].Error, "which can't be") }, "it is refused")
		require.Nil(t, f.State())
		require.NoError(t, f.Detach(t.Context(), "fake"))
	}
}

// TestStatsWhileFailing looks at a source that fails again and again: it is read by both accounts,
// or by neither.
func TestStatsWhileFailing(t *testing.T) {
	f := start(t)
	src := &fakeSource{}
	src.fail(errors.New("broken"))
	require.NoError(t, f.AttachSource("fake", src))
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	for f.Stats().Sources[0].Failures < 3 {
		stats := f.Stats()
		require.Equal(t, stats.Sources[0].Reading, stats.Reader != nil)
	}
	src.fail(nil)
	eventually(t, func() bool { return src.write("sample") }, "the source recovers")
}

// TestStateWithoutMap checks that State does not describe a map that is detached.
func TestStateWithoutMap(t *testing.T) {
	f := attached(t)
	require.NoError(t, f.AttachSource("fake", &fakeSource{}))
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	require.NotZero(t, f.State().Npages)
	require.NoError(t, f.DetachFromEventsMap(t.Context()))
	require.Zero(t, f.State().Npages)
	require.Zero(t, f.State().Cpus)
}

// TestStreamTotals has streams of one name: what they got is counted to the last event, and
// until the last of them is gone.
func TestStreamTotals(t *testing.T) {
	f := start(t)
	src := &fakeSource{}
	require.NoError(t, f.AttachSource("fake", src))
	first, second := f.Subscribe(t.Context(), "same"), f.Subscribe(t.Context(), "same")
	require.True(t, src.write("one", "two", "three"))
	n := 0
	for range first {
		if n++; n == 2 {
			break
		}
	}
	totals := f.Stats().StreamTotals["same"]
	require.EqualValues(t, 2, totals.Delivered)
	for range second {
		break
	}
	require.Empty(t, f.Stats().StreamTotals)
}

// TestDetachAgain detaches a source whose predecessor of the same name is still being detached: all
// that both wrote has been delivered when Detach returns.
func TestDetachAgain(t *testing.T) {
	f := start(t)
	first := &fakeSource{}
	require.NoError(t, f.AttachSource("fake", first))
	c := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	f.RegisterNewConsumer(c)
	eventually(t, func() bool { return first.write("one") }, "the source is read")
	<-c.called
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Detach(ctx, "fake"), context.Canceled)
	require.NoError(t, f.AttachSource("fake", &fakeSource{}))
	require.ErrorIs(t, f.Detach(ctx, "fake"), context.Canceled, "the first one is under way")
	close(c.release)
	require.NoError(t, f.Detach(t.Context(), "fake"))
	require.Equal(t, 1, first.closed)
}

// TestOddRecords has a source write what is not deliverable: it is counted, and the rest gets through.
func TestOddRecords(t *testing.T) {
	f := start(t)
	src := &fakeSource{}
	require.NoError(t, f.AttachSource("fake", src))
	c := f.connect(t)
	src.mu.Lock()
	src.open.records = []source.Record{
		{Kind: source.Sample},
		{Kind: source.Sample, Head: make([]byte, source.MaxSample), Tail: make([]byte, 1)},
		{Kind: source.Unknown},
		{Kind: 77},
		{Kind: source.Lost},
	}
	src.mu.Unlock()
	require.True(t, src.write(strings.Repeat("x", source.MaxSample), "last"))
	eventually(t, func() bool { return c.delivered() == 2 }, "the deliverable ones are delivered")
	require.EqualValues(t, 4, f.State().Unknown)
	require.Zero(t, f.State().Lost)
}

// TestRingOfErrors has a ring return nothing but errors: the reader does not spin, and the source is
// opened again.
func TestRingOfErrors(t *testing.T) {
	f := start(t)
	src := &fakeSource{}
	require.NoError(t, f.AttachSource("fake", src))
	f.RegisterNewConsumer(&testutils.FakeConsumer{})
	src.mu.Lock()
	src.open.nextErr = errors.New("nonsense")
	src.mu.Unlock()
	require.True(t, src.write("one"))
	eventually(t, func() bool { return f.Stats().ReaderFailures == 1 }, "the reader gives up")
	require.InDelta(t, 10, f.Stats().Lost.CorruptRings, 5)
	eventually(t, func() bool { return src.write("two") }, "the source is opened again")
}
