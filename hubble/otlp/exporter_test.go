// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"context"
	"io"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

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
	return startWith(t, otlp.Options{Endpoint: "http://" + c.address, Protocol: c.protocol}, opts...)
}

func startWith(t *testing.T, where otlp.Options, opts ...agent.Option) *fixture {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{agent: agent.NewAgent(ctx, append(opts, agent.WithLogger(quiet()))...)}
	t.Cleanup(func() { cancel(); <-f.agent.Done() })
	where.Version, where.Log = "1.2.3", quiet()
	var err error
	f.Exporter, err = otlp.Start(options(t, f.agent), where)
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
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		c.come(t)
		f := start(t, c)
		f.send(t, 1300)
		require.NoError(t, f.Stop(t.Context()))
		require.Equal(t, export.Stats{SinkStats: export.SinkStats{Exported: 1300}}, f.Stats())
		f.requireAll(t, c)
		require.GreaterOrEqual(t, c.requests, 3)
	})
}

// TestSentSoon sends what is less than a batch.
func TestSentSoon(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		c.come(t)
		f := start(t, c)
		f.send(t, 1)
		c.waitForAll(t, 1)
		f.send(t, 2)
		c.waitForAll(t, 3)
		require.NoError(t, f.Stop(t.Context()))
		f.requireAll(t, c)
	})
}

// TestAwayAndBack has a collector that comes late, and goes, and comes back. What the agent's queue has no room for is lost and
// told: no more than a batch, and what is on its way there, waits outside of it. Nothing vanishes.
func TestAwayAndBack(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		const queue = 256
		c := newCollector(t, protocol)
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
	})
}

// TestDuringTraffic has a collector that goes and comes while there is traffic.
func TestDuringTraffic(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
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
	})
}

// TestRejected has a collector that rejects a part of a batch, and one that refuses a batch for good: that is told and
// counted, and the rest goes on.
func TestRejected(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		requests, refused := 0, 0
		c.decide = func(_ context.Context, records int) verdict {
			switch requests++; requests {
			case 1:
				return verdict{rejected: 3}
			case 2:
				refused = records
				return verdict{refused: true}
			default:
				return verdict{}
			}
		}
		c.come(t)
		f := start(t, c)
		f.send(t, 2000)
		require.NoError(t, f.Stop(t.Context()))
		f.requireAll(t, c)
		require.EqualValues(t, 3+refused-1, f.Stats().Lost) // the second batch begins with a record of what was lost of the first
	})
}

// TestRejectedLast has the last batch refused: that is sent after it.
func TestRejectedLast(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		requests := 0
		c.decide = func(context.Context, int) verdict {
			if requests++; requests == 1 {
				return verdict{refused: true}
			}
			return verdict{}
		}
		c.come(t)
		f := start(t, c)
		f.send(t, 5)
		require.NoError(t, f.Stop(t.Context()))
		f.requireAll(t, c)
		require.EqualValues(t, 5, f.Stats().Lost)
	})
}

// TestThrottled has a collector that asks for time: nothing is lost.
func TestThrottled(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		requests := 0
		c.decide = func(context.Context, int) verdict {
			if requests++; requests == 1 {
				return verdict{later: true}
			}
			return verdict{}
		}
		c.come(t)
		f := start(t, c)
		f.send(t, 5)
		c.waitForAll(t, 5)
		require.NoError(t, f.Stop(t.Context()))
		f.requireAll(t, c)
		require.Zero(t, f.Stats().Lost)
		require.Equal(t, 2, c.requests)
	})
}

// TestStopWhileAway stops an export to a collector that is not there: what was not sent is counted.
func TestStopWhileAway(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		f := start(t, c)
		f.send(t, 700)
		require.ErrorContains(t, f.Stop(t.Context()), "700 events were lost at the end")
		require.Equal(t, export.SinkStats{Lost: 700}, f.Stats().SinkStats)
	})
}

// TestStopInTheMiddle stops an export to a collector that does not answer: it ends with its context.
func TestStopInTheMiddle(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
		c.decide = func(ctx context.Context, _ int) verdict {
			<-ctx.Done()
			return verdict{later: true}
		}
		c.come(t)
		f := start(t, c)
		f.send(t, 1300)
		c.wait(t, "for a request", func() bool { return c.requests > 0 })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, f.Stop(ctx), context.Canceled)
		require.Zero(t, f.Stats().Exported)
	})
}

// TestOwnConnection leaves out the flows of the connection to the collector, in both directions.
func TestOwnConnection(t *testing.T) {
	overEach(t, func(t *testing.T, protocol string) {
		c := newCollector(t, protocol)
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
	})
}

// TestEndpoints has endpoints and protocols that are none.
func TestEndpoints(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx, agent.WithLogger(quiet()))
	for _, where := range []otlp.Options{
		{Endpoint: ""},
		{Endpoint: "collector:4317"},
		{Endpoint: "http://collector"},
		{Endpoint: "grpc://collector:4317"},
		{Endpoint: "http://:4317"},
		{Endpoint: "http://c:4317/v1/logs"},
		{Endpoint: "http://c:port"},
		{Endpoint: "http://collector", Protocol: otlp.ProtocolHTTP},
		{Endpoint: "http://c:4318/?a=b", Protocol: otlp.ProtocolHTTP},
		{Endpoint: "http://user:password@c:4318", Protocol: otlp.ProtocolHTTP},
		{Endpoint: "http://c:4318", Protocol: "http/json"},
	} {
		where.Log = quiet()
		_, err := otlp.Start(options(t, a), where)
		require.ErrorContains(t, err, "export flows to a collector", where)
	}
	cancel()
	<-a.Done()
	overEach(t, func(t *testing.T, protocol string) {
		_, err := otlp.Start(options(t, a), otlp.Options{Endpoint: "https://localhost:4317", Protocol: protocol, Log: quiet()})
		require.ErrorIs(t, err, agent.ErrStopped)
	})
}
