// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// selectiveSource is a source that makes only what is wanted.
type selectiveSource struct {
	fakeSource

	mu     sync.Mutex // guards what follows
	wanted []source.Wanted
	err    error
}

func (s *selectiveSource) SetWanted(wanted *source.Wanted) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false, s.err
	}
	s.wanted = append(s.wanted, *wanted)
	return true, nil
}

// last returns the types that it was told last, nil if it was told nothing.
func (s *selectiveSource) last() *source.Types {
	all := s.all()
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1].Types
}

// all returns what it was told.
func (s *selectiveSource) all() []source.Wanted {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.wanted)
}

func typesOf(types ...uint8) *source.Types {
	all := new(source.Types)
	for _, typ := range types {
		all.Add(typ)
	}
	return all
}

// TestPushDown has a source told what is wanted, as subscribers come and go: before they are subscribed, and at
// once when they are gone.
func TestPushDown(t *testing.T) {
	g := newGuarded(t)
	serveSessions(t, g.fixture)
	src := &selectiveSource{}
	require.NoError(t, g.AttachSource("selective", src))
	require.Nil(t, src.last(), "it is not open")

	a := &picky{wants: interest.Types(typeA)}
	g.RegisterNewConsumer(a)
	require.Equal(t, typesOf(typeA), src.last())
	c := ask(t, g.fixture, &session.Request{Types: []int{typeB, typeA}})
	require.Equal(t, typesOf(typeA, typeB), src.last())
	drops := &picky{wants: interest.Interest{Types: []uint8{api.MessageTypeDrop}, DropReasons: []uint8{133}}}
	g.RegisterNewListener(drops)
	require.Equal(t, typesOf(typeA, typeB, api.MessageTypeDrop), src.last())
	everything := &testutils.FakeConsumer{}
	g.RegisterNewConsumer(everything)
	all := *src.last()
	for typ := range 256 {
		require.True(t, all.Has(uint8(typ)))
	}
	require.Equal(t, "everything", g.Stats().Wanted)
	require.True(t, g.Stats().Sources[1].Selective)
	require.False(t, g.Stats().Sources[0].Selective)

	g.RemoveConsumer(everything)
	require.Equal(t, typesOf(typeA, typeB, api.MessageTypeDrop), src.last())
	require.Equal(t, "drop, unknown(97), unknown(98); drop reasons Policy denied", g.Stats().Wanted)
	g.RemoveListener(drops)
	require.NoError(t, c.Close())
	eventually(t, func() bool { return *src.last() == *typesOf(typeA) }, "the client is gone")
	g.RemoveConsumer(a)
	require.Equal(t, typesOf(), src.last())
	require.Empty(t, g.Stats().Wanted)
	require.NoError(t, g.Detach(t.Context(), "selective"))
	require.Equal(t, typesOf(), src.last())
}

// TestPushDownFails has a source that can't be told what is wanted: it is read all the same, and told as soon as it can.
func TestPushDownFails(t *testing.T) {
	g := newGuarded(t)
	src := &selectiveSource{err: errors.New("no such map")}
	require.NoError(t, g.AttachSource("selective", src))
	g.RegisterNewConsumer(&testutils.FakeConsumer{})
	eventually(t, func() bool { return g.Stats().Sources[1].Error != "" }, "it is said")
	stats := g.Stats().Sources[1]
	require.Contains(t, stats.Error, "tell the datapath which events are wanted: no such map")
	require.True(t, stats.Reading)
	require.Zero(t, stats.Failures)
	src.mu.Lock()
	src.err = nil
	src.mu.Unlock()
	eventually(t, func() bool { return g.Stats().Sources[1].Error == "" }, "it is told")
	require.True(t, src.last().Has(typeA))
	require.EqualValues(t, 1, g.Stats().Sources[1].Reopened, "what was not made until then is missing")
}

// TestPushDownFailsOnce has a source that can't be told one change: it is told soon, and subscribers that events may be missing.
func TestPushDownFailsOnce(t *testing.T) {
	g := newGuarded(t)
	src := &selectiveSource{}
	require.NoError(t, g.AttachSource("selective", src))
	g.RegisterNewConsumer(&picky{wants: interest.Types(typeA)})
	fail := func(err error) {
		src.mu.Lock()
		defer src.mu.Unlock()
		src.err = err
	}
	fail(errors.New("not today"))
	g.RegisterNewConsumer(&picky{wants: interest.Types(typeB)})
	require.Len(t, g.errors("Events may be missing"), 1)
	eventually(t, func() bool { return strings.Contains(g.Stats().Sources[1].Error, "not today") }, "it is tried again, and said")
	fail(nil)
	eventually(t, func() bool { return *src.last() == *typesOf(typeA, typeB) }, "it is told without another change")
	eventually(t, func() bool { return g.Stats().Sources[1].Reopened == 1 }, "and that events may be missing is said")
	require.Empty(t, g.Stats().Sources[1].Failures)
	g.RegisterNewConsumer(&picky{wants: interest.Types('c')})
	require.Equal(t, typesOf(typeA, typeB, 'c'), src.last())
}

var _ source.Selective = (*selectiveSource)(nil)

// TestNothingSelective does without.
func TestNothingSelective(t *testing.T) {
	f := attached(t)
	f.RegisterNewConsumer(&picky{wants: interest.Types(typeA)})
	require.NoError(t, f.gen.EmitTrace(3))
	eventually(t, func() bool { return f.Stats().Unwanted == 3 }, "what nobody wants is read")
	require.Equal(t, []agent.SourceStats{{Name: agent.EventsMapSource, Kind: "perf ring buffers", Reading: true, Records: 3}}, f.Stats().Sources)
}

// TestPushDownPackets has a source told which packets and drops are wanted: of each type those of all who want it.
func TestPushDownPackets(t *testing.T) {
	g := newGuarded(t)
	src := &selectiveSource{}
	require.NoError(t, g.AttachSource("selective", src))
	last := func() source.Wanted {
		src.mu.Lock()
		defer src.mu.Unlock()
		return src.wanted[len(src.wanted)-1]
	}
	every := source.Types{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	trace, drop, agentType := uint8(api.MessageTypeTrace), uint8(api.MessageTypeDrop), uint8(api.MessageTypeAgent)

	g.RegisterNewConsumer(&picky{wants: interest.Interest{Types: []uint8{trace, agentType}, Packets: portRule(1)}})
	require.Equal(t, source.Wanted{Types: *typesOf(trace, agentType), Refined: *typesOf(trace), Packets: portRule(1)}, last())
	require.Equal(t, "trace, agent; packets of port 1", g.Stats().Wanted)

	drops := &picky{wants: interest.Interest{Types: []uint8{drop}, Packets: portRule(2), DropReasons: []uint8{133, 140}}}
	g.RegisterNewConsumer(drops)
	two := append(portRule(1), portRule(2)...)
	require.Equal(t, source.Wanted{Types: *typesOf(trace, drop, agentType), Refined: *typesOf(trace, drop), Packets: two, DropReasons: *typesOf(133, 140)}, last())

	others := &picky{wants: interest.Interest{Types: []uint8{drop}, Packets: portRule(1)}}
	g.RegisterNewConsumer(others)
	require.Equal(t, source.Wanted{Types: *typesOf(trace, drop, agentType), Refined: *typesOf(trace, drop), Packets: two, DropReasons: every}, last())

	traces := &picky{wants: interest.Types(trace)}
	g.RegisterNewConsumer(traces)
	require.Equal(t, *typesOf(drop), last().Refined, "somebody wants all traces")
	g.RemoveConsumer(drops)
	g.RemoveConsumer(others)
	require.Equal(t, source.Wanted{Types: *typesOf(trace, agentType)}, last(), "there are no rules for nothing")
}
