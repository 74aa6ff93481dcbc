// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestAlone starts and stops the smallest program there is, and looks that nothing is left.
func TestAlone(t *testing.T) {
	before := goleak.IgnoreCurrent()
	socket := testutils.SocketPath(t)
	t.Setenv("MONITOR_SOCKET_PATH", socket)
	h := hive.New(monitor.Cell)
	log := slog.New(slog.DiscardHandler)

	require.NoError(t, h.Start(log, t.Context()))
	info, err := os.Stat(socket)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o660, info.Mode())

	require.NoError(t, h.Stop(log, t.Context()))
	require.NoFileExists(t, socket)
	goleak.VerifyNone(t, before)
}

// TestNeverStarted makes the objects of a hive that is then thrown away, as programs do that
// only inspect it.
func TestNeverStarted(t *testing.T) {
	before := goleak.IgnoreCurrent()
	h := newHive(t)
	require.NoError(t, h.Populate(h.log))
	goleak.VerifyNone(t, before)
	require.NoFileExists(t, h.socket)
}

// TestSocketTaken starts a second monitor on the socket of the first one: it says so, leaves
// nothing behind, and does the first one no harm.
func TestSocketTaken(t *testing.T) {
	var a *agent.Agent
	first := newHive(t, cell.Invoke(func(x *agent.Agent) { a = x }))
	first.start()
	before := goleak.IgnoreCurrent()

	second := newHive(t)
	second.Viper().Set("monitor-socket-path", first.socket)
	err := second.Start(second.log, t.Context())
	require.ErrorContains(t, err, "serve monitor API on "+first.socket+": another process serves it")
	second.stop()
	goleak.VerifyNone(t, before)

	client := first.connect()
	require.NoError(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.NoError(t, client.WaitFor(t.Context(), 1))
}

// TestStopWaitsForAll sees that everything has ended by the time the stop hook returns.
func TestStopWaitsForAll(t *testing.T) {
	var a *agent.Agent
	h := newHive(t, cell.Invoke(func(x *agent.Agent) { a = x }))
	h.start()
	client := h.connect()
	listener := new(testutils.FakeListener)
	a.RegisterNewListener(listener)
	h.stop()

	select {
	case <-a.Done():
	default:
		t.Fatal("the agent has not ended")
	}
	require.NoError(t, listener.WaitClosed(t.Context()))
	require.NoError(t, client.WaitEnd(t.Context()))
	require.ErrorIs(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage("late")), agent.ErrStopped)
}

// TestStopDuringTraffic stops the hive while the datapath writes without a pause. What it
// wrote comes to everybody, and what it could not write is reported: nothing vanishes.
func TestStopDuringTraffic(t *testing.T) {
	requireRoot(t)
	var (
		a        *agent.Agent
		datapath *testutils.FakeDatapath
	)
	h := newHive(t, testutils.FakeDatapathCell(t), cell.Invoke(func(x *agent.Agent, d *testutils.FakeDatapath) {
		a, datapath = x, d
	}))
	h.start()
	require.NoError(t, datapath.BecomeReady())
	consumer := new(testutils.FakeConsumer)
	listener := new(testutils.FakeListener)
	a.RegisterNewConsumer(consumer)
	a.RegisterNewListener(listener)
	client := h.connect()
	h.eventuallyLogs("Attached to the events map")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	total := make(chan testutils.Counters, 1)
	go func() {
		var sum testutils.Counters
		for ctx.Err() == nil {
			c, err := datapath.Emit(64)
			if err != nil {
				t.Errorf("emit: %v", err)
				break
			}
			sum.Written += c.Written
			sum.NoSpace += c.NoSpace
		}
		total <- sum
	}()
	require.NoError(t, client.WaitFor(t.Context(), 1000))
	h.stop()
	cancel()
	sum := <-total

	for name, counts := range map[string]func() (events, lost uint64){"consumer": consumer.Counts, "listener": listener.Counts} {
		events, lost := counts()
		require.Equal(t, sum.Written, events, "events of the %s", name)
		require.Equal(t, sum.NoSpace, lost, "losses of the %s", name)
	}
	require.NoError(t, client.WaitEnd(t.Context()))
	events, lost := client.Counts()
	require.Equal(t, sum.Written+sum.NoSpace, events+lost, "events and losses of the client")
}

// TestStopHookTimesOut stops a hive whose datapath does not heed the context: the hook
// gives up when its time is over, and the log names the culprit.
func TestStopHookTimesOut(t *testing.T) {
	release := make(chan struct{})
	ended := make(chan struct{})
	h := newHive(t, cell.Provide(func() monitor.DatapathReady {
		return func(context.Context) error {
			defer close(ended)
			<-release
			return nil
		}
	}))
	h.start()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, h.Stop(h.log, ctx), context.DeadlineExceeded)
	h.eventuallyLogs("its DatapathReady does not return")
	close(release)
	<-ended
}
