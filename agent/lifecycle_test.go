// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestReaderFollowsSubscribers checks that the datapath's events are read exactly while
// somebody is subscribed, in whatever order that and the attachment come.
func TestReaderFollowsSubscribers(t *testing.T) { overBoth(t, testReaderFollowsSubscribers) }

func testReaderFollowsSubscribers(t *testing.T, kind testutils.GeneratorOptions) {
	f := startOn(t, kind, nil)
	require.Nil(t, f.State())
	consumer := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(consumer)
	require.Nil(t, f.State(), "not attached")
	require.False(t, f.emits(t))

	require.NoError(t, f.AttachToEventsMap(3))
	require.NotNil(t, f.State())
	if kind.RingBufferSize > 0 {
		require.EqualValues(t, 1, f.State().Cpus)
		require.EqualValues(t, kind.RingBufferSize/os.Getpagesize(), f.State().Npages)
	} else {
		require.EqualValues(t, f.gen.Map().MaxEntries(), f.State().Cpus)
		require.EqualValues(t, 4, f.State().Npages, "rounded up to a power of two")
	}
	require.EqualValues(t, os.Getpagesize(), f.State().Pagesize)
	require.True(t, f.emits(t), "a consumer is there")

	f.RegisterNewConsumer(consumer) // once more, for nothing
	f.RemoveConsumer(consumer)
	require.Nil(t, f.State())
	require.False(t, f.emits(t), "the last subscriber is gone")
	f.RemoveConsumer(consumer)

	l := &testutils.FakeListener{}
	f.RegisterNewListener(l)
	require.True(t, f.emits(t), "a listener is there")
	f.RegisterNewConsumer(consumer)
	f.RemoveListener(l)
	require.True(t, f.emits(t), "a consumer is still there")
	f.RemoveConsumer(consumer)
	require.False(t, f.emits(t))

	conn := f.dial(t)
	require.True(t, f.emits(t), "a client is there")
	require.NoError(t, conn.Close())
	eventually(t, func() bool { return f.State() == nil }, "the agent notices that the client is gone, without an event")
	require.False(t, f.emits(t))
}

// TestStopDrains stops an agent in the middle of traffic: clients that read get everything
// that was accepted, those that do not hold up the stop for no longer than the time-out.
func TestStopDrains(t *testing.T) { overBoth(t, testStopDrains) }

func testStopDrains(t *testing.T, kind testutils.GeneratorOptions) {
	f := attachedOn(t, kind, agent.WithDrainTimeout(timeout))
	reading := f.connect(t)
	reading.mu.Lock() // it falls behind
	late := newClient(f.dial(t))
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(10000) }))
	f.cancel()
	reading.mu.Unlock()
	late.read(t)
	<-f.Done()
	require.NoError(t, reading.failed())
	require.NoError(t, late.failed())
	require.Equal(t, f.emitted(t), reading.total())
	require.Equal(t, f.emitted(t), late.total())
	require.False(t, f.emits(t))

	f = attachedOn(t, kind, agent.WithDrainTimeout(50*time.Millisecond))
	f.dial(t) // never reads
	require.NoError(t, f.gen.EmitTrace(10000))
	f.stop()
	require.NoFileExists(t, f.socket)
}

// TestStopped checks what is left of an agent that was stopped.
func TestStopped(t *testing.T) {
	f := attached(t)
	consumer, lis, conn := &testutils.FakeConsumer{}, &testutils.FakeListener{}, f.connect(t)
	f.RegisterNewConsumer(consumer)
	f.RegisterNewListener(lis)
	f.stop()

	requireClosed(t, lis)
	require.NoError(t, conn.failed())
	require.Nil(t, f.State())
	require.ErrorIs(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("late")), agent.ErrStopped)
	require.ErrorIs(t, f.AttachToEventsMap(1), agent.ErrStopped)
	require.ErrorIs(t, agent.ServeMonitorAPI(f.Agent, agent.WithSocketPath(f.socket)), agent.ErrStopped)
	require.NoFileExists(t, f.socket)
	f.RegisterNewConsumer(consumer)
	f.RemoveConsumer(consumer)
	late := &testutils.FakeListener{}
	f.RegisterNewListener(late)
	requireClosed(t, late)
	require.Error(t, f.Context().Err())
}

// TestFirstRefusals checks the errors of calls that can't do what they are asked for.
func TestFirstRefusals(t *testing.T) {
	var none *agent.Agent
	none.RegisterNewConsumer(&testutils.FakeConsumer{})
	none.RemoveConsumer(&testutils.FakeConsumer{})
	none.RegisterNewListener(&testutils.FakeListener{})
	none.RemoveListener(&testutils.FakeListener{})
	require.ErrorIs(t, none.SendEvent(1, nil), agent.ErrNoAgent)
	require.ErrorIs(t, none.AttachToEventsMap(1), agent.ErrNoAgent)
	require.ErrorIs(t, agent.ServeMonitorAPI(none), agent.ErrNoAgent)
	require.Nil(t, none.State())
	require.Zero(t, none.Stats())
	require.NotNil(t, none.Context())
	<-none.Done()

	f := start(t)
	f.RegisterNewConsumer(nil)
	f.RegisterNewListener(nil)
	require.ErrorContains(t, f.AttachToEventsMap(0), "0 pages")
	require.NoError(t, os.Remove(f.Stats().EventsMap))
	require.ErrorIs(t, f.AttachToEventsMap(1), os.ErrNotExist)

	f = attached(t)
	require.ErrorIs(t, f.AttachToEventsMap(1), agent.ErrAttached)
	require.ErrorContains(t, f.SendEvent(300, nil), "300")
	f.connect(t)
	require.ErrorContains(t, f.SendEvent(api.MessageTypeAgent, "text"), "AgentNotifyMessage")
	require.Error(t, f.SendEvent(200, nil))
	require.Error(t, f.SendEvent(200, (*int)(nil)))
	require.Error(t, f.SendEvent(200, make(chan int)))
}

// TestNothingLeft starts and stops agents in all states; goleak looks for goroutines, this
// for file descriptors.
func TestNothingLeft(t *testing.T) { overBoth(t, testNothingLeft) }

func testNothingLeft(t *testing.T, kind testutils.GeneratorOptions) {
	descriptors := func() int {
		runtime.GC()
		entries, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(entries)
	}
	round := func() {
		f := attachedOn(t, kind)
		conn := f.dial(t)
		require.NoError(t, f.gen.EmitTrace(10))
		f.stop()
		require.NoError(t, conn.Close())
		require.NoError(t, f.gen.Close())
	}
	round()
	before := descriptors()
	for range 10 {
		round()
	}
	eventually(t, func() bool { return descriptors() <= before }, "finalizers have run")
}

// TestIncomparable checks that subscribers which can't be told apart are refused.
func TestIncomparable(t *testing.T) {
	f := attached(t)
	f.RegisterNewConsumer(incomparable{})
	f.RegisterNewConsumer(incomparable{})
	f.RemoveConsumer(incomparable{})
	require.Nil(t, f.State())
}

type incomparable struct {
	*testutils.FakeConsumer
	_ []int
}

func requireClosed(t *testing.T, l *testutils.FakeListener) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	require.NoError(t, l.WaitClosed(ctx))
}
