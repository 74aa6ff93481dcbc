// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/hubble/export"
	"github.com/cilium/monitor/hubble/flow"
	"github.com/cilium/monitor/hubble/otlp"
)

// fixture is an agent whose flows are exported to a collector.
type fixture struct {
	*otlp.Exporter
	agent *agent.Agent
	sent  int
}

func start(t *testing.T, c *collector, opts ...agent.Option) *fixture {
	t.Helper()
	return startAt(t, "http://"+c.address, opts...)
}

func startAt(t *testing.T, endpoint string, opts ...agent.Option) *fixture {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{agent: agent.NewAgent(ctx, append(opts, agent.WithLogger(quiet()))...)}
	t.Cleanup(func() { cancel(); <-f.agent.Done() })
	var err error
	f.Exporter, err = otlp.Start(options(t, f.agent), otlp.Options{Endpoint: endpoint, Version: "1.2.3", Log: quiet()})
	require.NoError(t, err)
	return f
}

func options(t *testing.T, a *agent.Agent) export.Options {
	t.Helper()
	everything, err := export.NewFilter("{}", "")
	require.NoError(t, err)
	return export.Options{
		Name: "test", Agent: a, Decoder: flow.NewDecoder(flow.Options{NodeName: "here/node"}), Filter: everything, NodeName: "here/node",
	}
}

func quiet() *logrus.Logger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// send sends so many events that become flows, with numbers from 1 on as source identity.
func (f *fixture) send(t testing.TB, count int) {
	t.Helper()
	for range count {
		f.sent++
		require.NoError(t, f.agent.SendEvent(api.MessageTypeAccessLog, &accesslog.LogRecord{
			Type: accesslog.TypeRequest, Timestamp: "2026-01-02T03:04:05Z", Verdict: accesslog.VerdictForwarded,
			SourceEndpoint: accesslog.EndpointInfo{Identity: uint64(f.sent)},
		}))
	}
}

// requireAll checks that all events are accounted for, by the collector and by the exporter.
func (f *fixture) requireAll(t testing.TB, c *collector) {
	t.Helper()
	flows, lost := c.received()
	require.EqualValues(t, f.sent, uint64(len(flows))+lost)
	stats := f.Stats()
	require.EqualValues(t, f.sent, stats.Exported+stats.Lost)
	require.Equal(t, stats.Lost, lost)
}

// TestStopSendsAll stops an export in the middle of a batch: all is sent.
func TestStopSendsAll(t *testing.T) {
	c := newCollector(t)
	c.come(t)
	f := start(t, c)
	f.send(t, 1300)
	require.NoError(t, f.Stop(t.Context()))
	require.Equal(t, export.Stats{SinkStats: export.SinkStats{Exported: 1300}}, f.Stats())
	f.requireAll(t, c)
	require.GreaterOrEqual(t, c.requests, 3)
}

// TestSentSoon sends what is less than a batch.
func TestSentSoon(t *testing.T) {
	c := newCollector(t)
	c.come(t)
	f := start(t, c)
	f.send(t, 1)
	c.waitForAll(t, 1)
	f.send(t, 2)
	c.waitForAll(t, 3)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
}

// TestAwayAndBack has a collector that comes late, and goes, and comes back. What the agent's queue has no room for is lost and
// told: no more than a batch, and what is on its way there, waits outside of it. Nothing vanishes.
func TestAwayAndBack(t *testing.T) {
	const queue = 256
	c := newCollector(t)
	f := start(t, c, agent.WithQueueSize(queue))
	f.send(t, 5000)
	c.come(t)
	c.waitForAll(t, 5000)
	_, lost := c.received()
	require.GreaterOrEqual(t, lost, uint64(5000-queue-1024))

	c.leave()
	f.send(t, 5000)
	c.come(t)
	c.waitForAll(t, 10000)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
}

// TestDuringTraffic has a collector that goes and comes while there is traffic.
func TestDuringTraffic(t *testing.T) {
	c := newCollector(t)
	c.come(t)
	f := start(t, c)
	for range 3 {
		f.send(t, 2000)
		c.wait(t, "for some", func() bool { return len(c.records) > 0 })
		c.leave()
		f.send(t, 2000)
		c.come(t)
	}
	c.waitForAll(t, f.sent)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
}

// TestRejected has a collector that rejects a part of a batch, and one that refuses a batch for good: that is told and
// counted, and the rest goes on.
func TestRejected(t *testing.T) {
	c := newCollector(t)
	requests, refused := 0, 0
	c.answer = func(_ context.Context, records int) (int, error) {
		switch requests++; requests {
		case 1:
			return 3, nil
		case 2:
			refused = records
			return 0, status.Error(codes.InvalidArgument, "no")
		default:
			return 0, nil
		}
	}
	c.come(t)
	f := start(t, c)
	f.send(t, 2000)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
	require.EqualValues(t, 3+refused-1, f.Stats().Lost) // the second batch begins with a record of what was lost of the first
}

// TestRejectedLast has the last batch refused: that is sent after it.
func TestRejectedLast(t *testing.T) {
	c := newCollector(t)
	requests := 0
	c.answer = func(context.Context, int) (int, error) {
		if requests++; requests == 1 {
			return 0, status.Error(codes.ResourceExhausted, "it is too large")
		}
		return 0, nil
	}
	c.come(t)
	f := start(t, c)
	f.send(t, 5)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
	require.EqualValues(t, 5, f.Stats().Lost)
}

// TestThrottled has a collector that asks for time: nothing is lost.
func TestThrottled(t *testing.T) {
	c := newCollector(t)
	requests := 0
	c.answer = func(context.Context, int) (int, error) {
		if requests++; requests == 1 {
			s, err := status.New(codes.ResourceExhausted, "later").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Millisecond)})
			if err != nil {
				return 0, err
			}
			return 0, s.Err()
		}
		return 0, nil
	}
	c.come(t)
	f := start(t, c)
	f.send(t, 5)
	c.waitForAll(t, 5)
	require.NoError(t, f.Stop(t.Context()))
	f.requireAll(t, c)
	require.Zero(t, f.Stats().Lost)
	require.Equal(t, 2, c.requests)
}

// TestStopWhileAway stops an export to a collector that is not there: what was not sent is counted.
func TestStopWhileAway(t *testing.T) {
	c := newCollector(t)
	f := start(t, c)
	f.send(t, 700)
	require.ErrorContains(t, f.Stop(t.Context()), "700 events were lost at the end")
	require.Equal(t, export.SinkStats{Lost: 700}, f.Stats().SinkStats)
}

// TestStopInTheMiddle stops an export to a collector that does not answer: it ends with its context.
func TestStopInTheMiddle(t *testing.T) {
	c := newCollector(t)
	c.answer = func(ctx context.Context, _ int) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	c.come(t)
	f := start(t, c)
	f.send(t, 1300)
	c.wait(t, "for a request", func() bool { return c.requests > 0 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Stop(ctx), context.Canceled)
	require.Zero(t, f.Stats().Exported)
}

// TestOwnConnection leaves out the flows of the connection to the collector, in both directions.
func TestOwnConnection(t *testing.T) {
	c := newCollector(t)
	c.come(t)
	f := start(t, c)
	f.send(t, 1)
	c.waitForAll(t, 1)
	local, remote := c.client, netipAddrPort(t, c.address)
	for _, r := range []accesslog.LogRecord{tcp(local, remote), tcp(remote, local), tcp(local, local)} {
		require.NoError(t, f.agent.SendEvent(api.MessageTypeAccessLog, r))
	}
	require.NoError(t, f.Stop(t.Context()))
	require.EqualValues(t, 2, f.Stats().Filtered)
	require.EqualValues(t, 2, f.Stats().Exported)
}

// TestEndpoints has endpoints that are none.
func TestEndpoints(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx, agent.WithLogger(quiet()))
	for _, endpoint := range []string{"", "collector:4317", "http://collector", "grpc://collector:4317", "http://:4317", "http://c:4317/v1/logs", "http://c:port"} {
		_, err := otlp.Start(options(t, a), otlp.Options{Endpoint: endpoint, Log: quiet()})
		require.ErrorContains(t, err, "export flows to a collector", endpoint)
	}
	cancel()
	<-a.Done()
	_, err := otlp.Start(options(t, a), otlp.Options{Endpoint: "https://localhost:4317", Log: quiet()})
	require.ErrorIs(t, err, agent.ErrStopped)
}
