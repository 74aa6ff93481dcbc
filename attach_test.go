// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// TestNoDatapath logs that there will be no events of a datapath.
func TestNoDatapath(t *testing.T) {
	h := newHive(t)
	h.start()
	h.eventuallyLogs("There is no datapath in this program: the monitor has agent events only")
}

// TestAttachTriesAgain has a datapath that says it is ready before its events map is there. The
// monitor says what is wrong, and attaches once it can.
func TestAttachTriesAgain(t *testing.T) {
	requireRoot(t)
	var (
		path string
		a    *agent.Agent
	)
	h := newHive(t,
		cell.Provide(func() monitor.DatapathReady { return func(context.Context) error { return nil } }),
		cell.Invoke(func(cfg monitor.AgentConfig, x *agent.Agent) { path, a = cfg.MonitorEventsMap, x }),
	)
	consumer := new(testutils.FakeConsumer)
	h.start()
	a.RegisterNewConsumer(consumer)
	h.eventuallyLogs(`msg="Attaching the monitor to the events map failed"`, "no such file or directory")

	g, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, g.Pin(path))
	h.eventuallyLogs("Attached to the events map")
	h.eventuallyReads(a)
	require.NoError(t, g.EmitTrace(3))
	require.NoError(t, consumer.WaitFor(t.Context(), 3))
}

// TestDatapathReadyIsCancelled stops the hive while the datapath is not ready: its context
// ends, and that is no failure.
func TestDatapathReadyIsCancelled(t *testing.T) {
	cancelled := make(chan error, 1)
	h := newHive(t, cell.Provide(func() monitor.DatapathReady {
		return func(ctx context.Context) error {
			<-ctx.Done()
			cancelled <- ctx.Err()
			return ctx.Err()
		}
	}))
	h.start()
	h.stop()
	require.ErrorIs(t, <-cancelled, context.Canceled)
	require.NotContains(t, h.logged.String(), "The datapath failed")
}

// TestDatapathFailsAtFirst has the datapath fail twice: the monitor asks again, says it once, and
// attaches when it is ready.
func TestDatapathFailsAtFirst(t *testing.T) {
	requireRoot(t)
	g, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer g.Close()
	var calls atomic.Int32
	h := newHive(t, cell.Provide(func(cfg monitor.AgentConfig) monitor.DatapathReady {
		return func(context.Context) error {
			if calls.Add(1) < 3 {
				return errors.New("no access to the pin")
			}
			return g.Pin(cfg.MonitorEventsMap)
		}
	}))
	h.start()
	h.eventuallyLogs("Attached to the events map")
	require.EqualValues(t, 3, calls.Load())
	require.Equal(t, 1, strings.Count(h.logged.String(), "no access to the pin"))
}
