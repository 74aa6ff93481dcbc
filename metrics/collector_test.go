// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/metrics"
	"github.com/cilium/monitor/testutils"
)

// fixture is an agent that is attached to a datapath and serves a socket.
type fixture struct {
	*agent.Agent
	gen       *testutils.Generator
	socket    string
	collector *metrics.Collector
}

func newFixture(t testing.TB, pages int, opts ...agent.Option) *fixture {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	gen, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, gen.Close()) })
	pin := testutils.EventsMapPath(t)
	require.NoError(t, gen.Pin(pin))

	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	a := agent.NewAgent(ctx, append(opts, agent.WithLogger(log), agent.WithEventsMap(pin))...)
	t.Cleanup(func() { cancel(); <-a.Done() })
	f := &fixture{Agent: a, gen: gen, socket: testutils.SocketPath(t), collector: metrics.NewCollector(a)}
	require.NoError(t, agent.ServeMonitorAPI(a, agent.WithSocketPath(f.socket)))
	require.NoError(t, a.AttachToEventsMap(pages))
	return f
}

func (f *fixture) connect(t testing.TB) *testutils.Client {
	t.Helper()
	c, err := testutils.Connect(t.Context(), f.socket)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// value returns the sum of the series of a metric that have all of the labels, given as
// name="value".
func (f *fixture) value(t testing.TB, name string, labels ...string) (sum float64) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(f.collector))
	families, err := registry.Gather()
	require.NoError(t, err)
	found := false
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.Metric {
			var has []string
			for _, l := range m.Label {
				has = append(has, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			if containsAll(has, labels) {
				found = true
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
			}
		}
	}
	require.True(t, found, "%s %v is not there", name, labels)
	return sum
}

func containsAll(all, some []string) bool {
	for _, s := range some {
		if !strings.Contains(strings.Join(all, ","), s) {
			return false
		}
	}
	return true
}

// TestCollector looks at the metrics of an agent that has seen some of everything.
func TestCollector(t *testing.T) {
	f := newFixture(t, 1024, agent.WithQueueSize(64))
	taker := new(testutils.FakeConsumer)
	f.RegisterNewConsumer(taker)
	slow, fast := f.connect(t), f.connect(t)
	slow.Stall()
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(5000) }))
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.Error(t, f.SendEvent(200, make(chan int)))
	require.NoError(t, taker.WaitFor(t.Context(), 5002))
	require.NoError(t, fast.WaitFor(t.Context(), 5001))
	slow.Resume()
	require.NoError(t, slow.WaitFor(t.Context(), 5001))

	require.EqualValues(t, 5000, f.value(t, "cilium_monitor_events_total", `source="datapath"`, `type="trace"`))
	require.Zero(t, f.value(t, "cilium_monitor_events_total", `type="drop"`), "what did not come is there as well")
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_events_total", `source="user"`, `type="agent"`))
	require.NotZero(t, f.value(t, "cilium_monitor_event_bytes_total", `type="agent"`))
	require.NotZero(t, f.value(t, "cilium_monitor_last_event_timestamp_seconds", `source="datapath"`))
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_lost_events_total", `reason="not_encodable"`))
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_attached"))
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_reading"))
	require.NotZero(t, f.value(t, "cilium_monitor_reader_wakeups_total", `by="kernel"`))
	require.NotZero(t, f.value(t, "cilium_monitor_reader_batch_events"))
	require.EqualValues(t, 2, f.value(t, "cilium_monitor_subscribers", `kind="client"`))
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_subscriptions_total", `kind="consumer"`))
	require.EqualValues(t, 64, f.value(t, "cilium_monitor_queue_size_events"))
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_build_info", fmt.Sprintf("goversion=%q", runtime.Version())))

	// For all clients together: events accepted = events delivered + events reported lost.
	_, lostBySlow := slow.Counts()
	_, lostByFast := fast.Counts()
	lost := f.value(t, "cilium_monitor_client_events_total", `outcome="lost"`)
	require.EqualValues(t, lostBySlow+lostByFast, lost)
	require.Equal(t, lost, f.value(t, "cilium_monitor_lost_events_total", `reason="client_behind"`))
	require.EqualValues(t, 2*5001, f.value(t, "cilium_monitor_client_accepted_events_total"))
	require.EqualValues(t, 2*5001, f.value(t, "cilium_monitor_client_events_total"))
	require.Zero(t, f.value(t, "cilium_monitor_client_lag_events"))
	require.Zero(t, f.value(t, "cilium_monitor_client_lag_max_events"))
}

// TestRingLosses has a ring that is too small.
func TestRingLosses(t *testing.T) {
	f := newFixture(t, 1)
	taker := new(testutils.FakeConsumer)
	f.RegisterNewConsumer(taker)
	require.Zero(t, f.value(t, "cilium_monitor_ring_lost_events_total", `cpu="0"`), "it is there before the first loss")
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(5000) }))
	require.NoError(t, taker.WaitFor(t.Context(), 5000))
	_, lost := taker.Counts()
	require.NotZero(t, lost, "the ring was to be too small")
	require.EqualValues(t, lost, f.value(t, "cilium_monitor_ring_lost_events_total", `cpu="0"`))
	require.EqualValues(t, lost, f.value(t, "cilium_monitor_lost_events_total", `reason="ring_full"`))
}

// TestNeverDecreases looks at the counters of clients while they come and go.
func TestNeverDecreases(t *testing.T) {
	f := newFixture(t, 64)
	visitors := make(chan error, 1)
	go func() {
		for range 50 {
			c, err := testutils.Connect(t.Context(), f.socket)
			if err == nil {
				err = f.gen.EmitTrace(100)
				c.Close()
			}
			if err != nil {
				visitors <- err
				return
			}
		}
		visitors <- nil
	}()
	before := map[string]float64{}
	for running := true; running; {
		select {
		case err := <-visitors:
			require.NoError(t, err)
			running = false
		default:
		}
		for _, name := range []string{
			"cilium_monitor_client_accepted_events_total", "cilium_monitor_client_events_total",
			"cilium_monitor_subscriptions_total", "cilium_monitor_events_total",
		} {
			now := f.value(t, name)
			require.GreaterOrEqual(t, now, before[name], name)
			before[name] = now
		}
	}
	require.EqualValues(t, 50, before["cilium_monitor_subscriptions_total"])
}

// panicking is a consumer that panics.
type panicking struct{ testutils.FakeConsumer }

func (*panicking) NotifyAgentEvent(int, any) { panic("a bug") }

// TestGuests has a consumer, one with a queue and one that panics. Two of one name are one.
func TestGuests(t *testing.T) {
	f := newFixture(t, 64)
	plain, queued := &testutils.FakeConsumer{}, &testutils.FakeConsumer{}
	f.RegisterNewConsumer(plain)
	q := consumer.NewQueued(queued, 10)
	f.RegisterNewConsumer(q)
	f.RegisterNewConsumer(&panicking{})
	for range 3 {
		require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	}
	require.NoError(t, q.Close(t.Context()))
	const name = `name="*testutils.FakeConsumer"`
	require.EqualValues(t, 6, f.value(t, "cilium_monitor_callbacks_total", name, `kind="consumer"`))
	require.NotZero(t, f.value(t, "cilium_monitor_callback_seconds_total", name))
	require.Zero(t, f.value(t, "cilium_monitor_callback_running_seconds", name))
	require.EqualValues(t, 3, f.value(t, "cilium_monitor_consumer_queue_events_total", name, `outcome="delivered"`))
	require.Zero(t, f.value(t, "cilium_monitor_consumer_queue_events_total", name, `outcome="lost"`))
	require.Zero(t, f.value(t, "cilium_monitor_consumer_queue_lag_events", name))
	require.EqualValues(t, 1, f.value(t, "cilium_monitor_removed_subscribers_total", `kind="consumer"`))
	require.EqualValues(t, 3, f.value(t, "cilium_monitor_removed_subscribers_missed_events_total", `kind="consumer"`))
	f.RemoveConsumer(plain)
	require.EqualValues(t, 6, f.value(t, "cilium_monitor_callbacks_total", name), "it does not decrease")
}

// TestLint holds the names and help texts against Prometheus's conventions, and an agent that
// was stopped against a scrape.
func TestLint(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx)
	problems, err := testutil.CollectAndLint(metrics.NewCollector(a))
	require.NoError(t, err)
	require.Empty(t, problems)
	cancel()
	<-a.Done()
	_, err = testutil.CollectAndLint(metrics.NewCollector(a))
	require.NoError(t, err)
}
