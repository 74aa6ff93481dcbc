// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// picky is a consumer, and a listener, that does not want everything.
type picky struct {
	wants interest.Interest

	mu  sync.Mutex // guards what follows
	got []string
}

func (p *picky) add(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, fmt.Sprintf(format, args...))
}

func (p *picky) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

func (p *picky) Interest() interest.Interest         { return p.wants }
func (p *picky) NotifyAgentEvent(typ int, _ any)     { p.add("user %d", typ) }
func (p *picky) NotifyPerfEvent(data []byte, _ int)  { p.add("%s", data) }
func (p *picky) NotifyPerfEventLost(n uint64, _ int) { p.add("lost %d", n) }
func (p *picky) Version() listener.Version           { return listener.Version1_2 }
func (p *picky) Close()                              {}
func (p *picky) Enqueue(pl *payload.Payload) {
	switch {
	case pl.Type == payload.RecordLost:
		p.add("lost %d", pl.Lost)
	case pl.Data[0] == api.MessageTypeAgent:
		p.add("user %d", pl.Data[0])
	default:
		p.add("%s", pl.Data)
	}
}

// Message types that can be read.
const typeA, typeB = 'a', 'b'

// TestInterest has consumers, a listener, a queue and a stream that want one type each, beside ones
// that want everything: each gets that, with all losses, and the numbers say so.
func TestInterest(t *testing.T) {
	g := newGuarded(t)
	a, b, user := &picky{wants: interest.Types(typeA)}, &picky{wants: interest.Types(typeB)}, &picky{wants: interest.Types(api.MessageTypeAgent)}
	queued, l := &picky{wants: interest.Types(typeA)}, &picky{wants: interest.Types(typeB)}
	queue := consumer.NewQueued(queued, 100)
	defer func() { require.NoError(t, queue.Close(t.Context())) }()
	for _, c := range []consumer.MonitorConsumer{a, b, user, queue} {
		g.RegisterNewConsumer(c)
	}
	g.RegisterNewListener(l)
	stream, err := g.SubscribeEvents(t.Context(), "b only", agent.StreamOptions{Interest: interest.Types(typeB)})
	require.NoError(t, err)

	require.True(t, g.src.write("a1", "b1", "c1", "a2"))
	require.True(t, g.src.lose(5))
	require.True(t, g.src.write("b2"))
	eventually(t, func() bool { return len(b.all()) == 3 }, "all is read")
	require.NoError(t, g.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.NoError(t, g.SendEvent(typeB, "for consumers"))
	require.NoError(t, g.Flush(t.Context()))

	require.Equal(t, []string{"a1", "a2", "lost 5"}, a.all())
	require.Equal(t, []string{"b1", "lost 5", "b2", "user 98"}, b.all())
	require.Equal(t, []string{"lost 5", "user 130"}, user.all())
	eventually(t, func() bool { return len(queued.all()) == 3 }, "the queue delivers")
	require.Equal(t, a.all(), queued.all())
	require.Equal(t, []string{"b1", "lost 5", "b2"}, l.all())
	var got []string
	for e := range stream {
		if got = append(got, fmt.Sprintf("%s %d", e.Data, e.Lost)); len(got) == 3 {
			break
		}
	}
	require.Equal(t, []string{"b1 0", " 5", "b2 0"}, got)

	stats := g.Stats()
	require.EqualValues(t, 1, stats.Unwanted, "c1")
	require.EqualValues(t, 4+5+1, stats.Accepted)
	require.Equal(t, "unknown(97)", stats.Consumers[0].Wants)
	require.EqualValues(t, 2+5, stats.Consumers[0].Delivered)
	require.EqualValues(t, 3, stats.Consumers[0].Calls)

	everything := &testutils.FakeConsumer{}
	g.RegisterNewConsumer(everything)
	require.True(t, g.src.write("c2", "a3"))
	require.NoError(t, everything.WaitFor(t.Context(), 2))
	require.EqualValues(t, 1, g.Stats().Unwanted)
	g.RemoveConsumer(everything)
	g.RemoveConsumer(a)
	g.RemoveConsumer(queue)
	require.True(t, g.src.write("a4", "c3", "b3"))
	eventually(t, func() bool { return len(b.all()) == 5 }, "all is read")
	require.EqualValues(t, 3, g.Stats().Unwanted, "nobody wants a any more")
}

// TestInterestOfRemoved has a consumer panic that wants one type: what it missed is of that type.
func TestInterestOfRemoved(t *testing.T) {
	g := newGuarded(t)
	bad, good := &pickyPanic{}, &testutils.FakeConsumer{}
	g.RegisterNewConsumer(bad)
	g.RegisterNewConsumer(good)
	require.True(t, g.src.write("b1", "a1", "b2", "a2", "b3"))
	require.NoError(t, good.WaitFor(t.Context(), 5))
	require.True(t, g.src.write("b4", "a3", "a4"))
	require.NoError(t, good.WaitFor(t.Context(), 8))
	require.NoError(t, g.Flush(t.Context()))
	stats := g.Stats()
	require.Len(t, stats.Removed, 1)
	require.EqualValues(t, 4, stats.Removed[0].Missed)
}

type pickyPanic struct{ panickingConsumer }

func (c *pickyPanic) Interest() interest.Interest { return interest.Types(typeA) }
func (c *pickyPanic) NotifyPerfEvent([]byte, int) { panic("a bug") }

// TestTooManyInterests has more different interests than there is room for: those that are too many are told,
// and room is made by whoever leaves.
func TestTooManyInterests(t *testing.T) {
	g := newGuarded(t)
	var consumers []*picky
	for i := range uint8(62) {
		consumers = append(consumers, &picky{wants: interest.Types(i)})
		g.RegisterNewConsumer(consumers[i])
	}
	g.RegisterNewConsumer(&picky{wants: interest.Types(99)})
	require.Len(t, g.errors("Ignoring a consumer"), 1)
	g.RegisterNewConsumer(&picky{})
	g.RegisterNewConsumer(&picky{wants: interest.Types(5, 5)})
	require.Len(t, g.Stats().Consumers, 64, "what others want already has room")
	g.RemoveConsumer(consumers[7])
	g.RegisterNewConsumer(&picky{wants: interest.Types(99)})
	require.Len(t, g.Stats().Consumers, 64)
	require.Len(t, g.errors("Ignoring a consumer"), 1)
}

type pickyMad struct{ testutils.FakeConsumer }

func (*pickyMad) Interest() interest.Interest { panic("a bug") }

// TestInterestPanics has a consumer that can't say what it wants.
func TestInterestPanics(t *testing.T) {
	g := newGuarded(t)
	g.RegisterNewConsumer(&pickyMad{})
	require.Empty(t, g.Stats().Consumers)
	require.Len(t, g.errors("Ignoring a consumer"), 1)
}
