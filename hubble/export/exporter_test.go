// SPDX-License-Identifier: Apache-2.0

package export_test

import (
	"context"
	"testing"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/hubble/export"
)

// send sends so many events that become flows, with their number as source identity.
func send(t testing.TB, a *agent.Agent, first, count int) {
	t.Helper()
	for n := first; n < first+count; n++ {
		require.NoError(t, a.SendEvent(api.MessageTypeAccessLog, &accesslog.LogRecord{
			Type: accesslog.TypeRequest, Timestamp: "2026-01-02T03:04:05Z", Verdict: accesslog.VerdictForwarded,
			SourceEndpoint: accesslog.EndpointInfo{Identity: uint64(n)}, L7: &accesslog.LogRecordL7{Proto: "test"},
		}))
	}
}

// TestStopExportsAll stops an export that has not begun to take what has come: it is exported before Stop returns, with what the
// agent said of itself in between.
func TestStopExportsAll(t *testing.T) {
	a := newAgent(t)
	sink := &fakeSink{next: make(chan struct{})}
	e, err := export.Start(all(t, a), sink)
	require.NoError(t, err)
	send(t, a, 1, 100)
	a.ReportNoDatapath("there is none")
	a.ReportNoDatapath("there will be none")
	send(t, a, 101, 100)
	require.Zero(t, e.Stats().Exported)
	close(sink.next)
	require.NoError(t, e.Stop(t.Context()))
	require.Equal(t, export.Stats{SinkStats: export.SinkStats{Exported: 200}, Filtered: 1}, e.Stats())
	for i, ev := range sink.events {
		require.EqualValues(t, i+1, ev.GetFlow().GetSource().GetIdentity())
		require.Equal(t, "here/node", ev.GetNodeName())
	}
	require.Empty(t, a.Stats().Streams)
	require.NoError(t, e.Stop(t.Context()), "again")
}

// TestStopEnds stops an export whose sink takes nothing: it ends with its context.
func TestStopEnds(t *testing.T) {
	a := newAgent(t)
	sink := &fakeSink{next: make(chan struct{})}
	e, err := export.Start(all(t, a), sink)
	require.NoError(t, err)
	send(t, a, 1, 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = e.Stop(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "10 events left")
	require.Zero(t, e.Stats().Exported)
}

// TestBehind has a sink that takes nothing for a while: what the agent's queue has no room for is lost, told in its place, and
// counted.
func TestBehind(t *testing.T) {
	const events = 1000
	a := newAgent(t, agent.WithQueueSize(64))
	sink := &fakeSink{next: make(chan struct{})}
	e, err := export.Start(all(t, a), sink)
	require.NoError(t, err)
	send(t, a, 1, events)
	require.NoError(t, a.Flush(t.Context()))
	close(sink.next)
	require.NoError(t, e.Stop(t.Context()))
	stats := e.Stats()
	require.NotZero(t, stats.Lost)
	require.Equal(t, stats.Behind, stats.Lost)
	require.EqualValues(t, events, stats.Exported+stats.Lost)
	require.Equal(t, stats.Lost, sink.told)
	next := uint64(1)
	for _, ev := range sink.events {
		if loss := ev.GetLostEvents(); loss != nil {
			require.Equal(t, flowpb.LostEventSource_HUBBLE_RING_BUFFER, loss.GetSource())
			require.Equal(t, "here/node", ev.GetNodeName())
			require.NotNil(t, ev.GetTime())
			next += loss.GetNumEventsLost()
			continue
		}
		require.EqualValues(t, next, ev.GetFlow().GetSource().GetIdentity())
		next++
	}
	require.EqualValues(t, events+1, next)
}

// TestAgentStops stops the agent first: what it had is exported.
func TestAgentStops(t *testing.T) {
	a := newAgent(t)
	ctx, cancel := context.WithCancel(t.Context())
	stopping := agent.NewAgent(ctx)
	sink := &fakeSink{}
	opts := all(t, a)
	opts.Agent = stopping
	e, err := export.Start(opts, sink)
	require.NoError(t, err)
	send(t, stopping, 1, 10)
	cancel()
	<-stopping.Done()
	require.NoError(t, e.Stop(t.Context()))
	require.EqualValues(t, 10, e.Stats().Exported)
	_, err = export.Start(opts, sink)
	require.ErrorIs(t, err, agent.ErrStopped)
}

// TestLeftOut exports what neither the filter nor the exporter leaves out, and goes on after what can't be decoded.
func TestLeftOut(t *testing.T) {
	a := newAgent(t)
	sink := &fakeSink{}
	opts := all(t, a)
	var err error
	opts.Filter, err = export.NewFilter(`{"source_identity":[1,2,3]}`, `{"source_identity":[2]}`)
	require.NoError(t, err)
	opts.Skip = func(f *flowpb.Flow) bool { return f.GetSource().GetIdentity() == 3 }
	e, err := export.Start(opts, sink)
	require.NoError(t, err)
	require.NoError(t, a.SendEvent(api.MessageTypeAccessLog, "no record"))
	send(t, a, 1, 5)
	require.NoError(t, e.Stop(t.Context()))
	require.Equal(t, export.Stats{SinkStats: export.SinkStats{Exported: 1}, Filtered: 4, Malformed: 1}, e.Stats())
}
