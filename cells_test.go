// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestAgentCellAlone has consumers but no socket.
func TestAgentCellAlone(t *testing.T) {
	consumer := new(testutils.FakeConsumer)
	var a *agent.Agent
	h := newHiveOf(t, monitor.AgentCell,
		cell.Provide(func() monitor.ConsumerOut { return monitor.ConsumerOut{Consumer: consumer} }),
		cell.Invoke(func(x *agent.Agent) { a = x }),
	)
	h.start()
	require.NoError(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.NoError(t, consumer.WaitFor(t.Context(), 1))
	require.NoFileExists(t, h.socket)
}

// TestServerCellAlone serves an agent that another cell made.
func TestServerCellAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx)
	t.Cleanup(func() { cancel(); <-a.Done() })
	h := newHiveOf(t, monitor.ServerCell, cell.Provide(func() *agent.Agent { return a }))
	h.start()
	client := h.connect()
	require.NoError(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.NoError(t, client.WaitFor(t.Context(), 1))
}

// TestRegisterer has the metrics in a registry from start to stop, for as many monitors as
// there are, if the registerers tell them apart.
func TestRegisterer(t *testing.T) {
	const name = "cilium_monitor_subscribers"
	registry := prometheus.NewPedanticRegistry()
	count := func() int {
		t.Helper()
		n, err := testutil.GatherAndCount(registry, name)
		require.NoError(t, err)
		return n / 3 // kinds
	}
	with := func(monitorName string) *testHive {
		return newHive(t, cell.Provide(func() prometheus.Registerer {
			return prometheus.WrapRegistererWith(prometheus.Labels{"monitor": monitorName}, registry)
		}))
	}
	first, second := with("first"), with("second")
	require.Zero(t, count())
	first.start()
	require.Equal(t, 1, count())
	second.start()
	require.Equal(t, 2, count())
	first.stop()
	require.Equal(t, 1, count())
	second.stop()
	require.Zero(t, count())

	third, fourth := with("same"), with("same")
	third.start()
	require.ErrorContains(t, fourth.Start(fourth.log, t.Context()), "register the metrics of the monitor")
	fourth.stop()
	require.Equal(t, 1, count(), "the other one's")
}

// TestHealth follows the health of all parts from start to stop.
func TestHealth(t *testing.T) {
	requireRoot(t)
	var (
		health   *cell.SimpleHealth
		datapath *testutils.FakeDatapath
	)
	h := newHive(t, cell.SimpleHealthCell, testutils.FakeDatapathCell(t),
		cell.Invoke(func(s *cell.SimpleHealth, d *testutils.FakeDatapath) { health, datapath = s, d }))
	requireHealth := func(scope string, level cell.Level, status string) {
		t.Helper()
		require.Eventually(t, func() bool {
			part := health.GetChild(scope)
			if part == nil {
				return false
			}
			part.Lock()
			defer part.Unlock()
			return part.Level == level && part.Status == status
		}, timeout, tick, "%s is not %s: %s", scope, level, status)
	}
	h.start()
	requireHealth("server", cell.StatusOK, "Serving the monitor API 1.2 on "+h.socket)
	requireHealth("datapath", cell.StatusDegraded, "Waiting for the datapath")
	require.NoError(t, datapath.BecomeReady())
	requireHealth("datapath", cell.StatusOK, "Attached to the events map")
	requireHealth("reader", cell.StatusOK, "Nobody is subscribed, the perf ring buffers are not read")
	h.stop()
	requireHealth("server", cell.StatusStopped, "The agent is stopped")
	requireHealth("datapath", cell.StatusStopped, "Detached from the events map")
	requireHealth("reader", cell.StatusStopped, "The agent is stopped")

	h = newHive(t, cell.SimpleHealthCell, cell.Invoke(func(s *cell.SimpleHealth) { health = s }))
	h.Viper().Set("enable-monitor", false)
	h.start()
	requireHealth("server", cell.StatusStopped, "Not served: --enable-monitor=false")
	requireHealth("datapath", cell.StatusOK, "There is no datapath, agent events only (unless a source is attached)")
}

// TestStartAgain has a hive be started again after its stop, which an agent can't.
func TestStartAgain(t *testing.T) {
	h := newHive(t)
	h.start()
	h.stop()
	require.ErrorIs(t, h.Start(h.log, t.Context()), agent.ErrStopped)
	require.NoError(t, h.Stop(h.log, t.Context()))
}

// TestHistoryOut has cells ask for a history: it has the largest size, of all events unless flags say of which.
func TestHistoryOut(t *testing.T) {
	history := func(flags map[string]any, sizes ...monitor.HistoryBytes) *agent.HistoryStats {
		t.Helper()
		var a *agent.Agent
		cells := []cell.Cell{monitor.AgentCell, cell.Invoke(func(x *agent.Agent) { a = x })}
		for _, size := range sizes {
			cells = append(cells, cell.Provide(func() monitor.HistoryOut { return monitor.HistoryOut{Bytes: size} }))
		}
		h := newHiveOf(t, cells...)
		for name, value := range flags {
			h.Viper().Set(name, value)
		}
		h.start()
		defer h.stop()
		return a.Stats().History
	}
	require.Nil(t, history(nil, 0))
	require.Equal(t, &agent.HistoryStats{Bytes: 2 << 20}, withoutMemory(history(nil, 1<<20, 0, 2<<20)))
	flags := map[string]any{"history": []string{"drop"}, "history-size": 1 << 20}
	require.Equal(t, &agent.HistoryStats{Wants: "drop", Bytes: 1 << 20}, withoutMemory(history(flags, 1<<19)))
	require.Equal(t, &agent.HistoryStats{Wants: "drop", Bytes: 2 << 20}, withoutMemory(history(flags, 2<<20)))
}

func withoutMemory(h *agent.HistoryStats) *agent.HistoryStats {
	h.Memory = 0
	return h
}
