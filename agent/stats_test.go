// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// namedListener is a listener that says what it is.
type namedListener struct{ testutils.FakeListener }

func (*namedListener) String() string { return "a name" }

// TestStats has one subscriber of each kind, and events of all sources.
func TestStats(t *testing.T) {
	begin := time.Now()
	f := attached(t, agent.WithQueueSize(100))
	require.Empty(t, f.Stats().Datapath.Types)
	require.Zero(t, f.Stats().Datapath.Last)
	consumer, lis := &testutils.FakeConsumer{}, &namedListener{}
	f.RegisterNewConsumer(consumer)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("not encoded, there is nobody for it")))
	f.RegisterNewListener(lis)
	client := f.connect(t)

	require.NoError(t, f.gen.EmitTrace(10))
	require.NoError(t, f.gen.EmitSample([]byte{api.MessageTypeDrop, 133, 0, 0}, 2))
	require.NoError(t, f.SendEvent(api.MessageTypeAccessLog, &accesslog.LogRecord{}))
	require.Error(t, f.SendEvent(200, make(chan int)))
	eventually(t, func() bool { return client.total() == 13 }, "all is delivered")

	s := f.Stats()
	require.Equal(t, 100, s.QueueSize)
	require.EqualValues(t, 13, s.Accepted)
	require.EqualValues(t, 12, s.Datapath.Events())
	drop, trace := s.Datapath.Types[0], s.Datapath.Types[1]
	require.Equal(t, agent.TypeTraffic{Type: 1, Name: "drop", Events: 2, Bytes: drop.Bytes}, drop)
	require.Equal(t, agent.TypeTraffic{Type: 4, Name: "trace", Events: 10, Bytes: trace.Bytes}, trace)
	require.InDelta(t, 10*testutils.TraceLen, trace.Bytes, 10*7)
	require.Equal(t, drop.Bytes+trace.Bytes, s.Datapath.Bytes())
	require.Len(t, s.User.Types, 3)
	require.Equal(t, agent.TypeTraffic{Type: 130, Name: "agent", Events: 1}, s.User.Types[1])
	require.NotZero(t, s.User.Types[0].Bytes)
	for _, last := range []time.Time{s.Datapath.Last, s.User.Last} {
		require.WithinRange(t, last, begin, time.Now())
	}
	require.EqualValues(t, 1, s.Lost.NotEncoded)
	require.Zero(t, s.Lost.Ring()+s.Lost.Behind+s.Lost.QueueFull+s.Lost.CorruptRings)
	require.Len(t, s.Lost.RingFull, int(s.Reader.Cpus))

	require.NotZero(t, s.Visits.ByKernel)
	require.EqualValues(t, 12, s.Visits.Found)
	var visits uint64
	for _, size := range s.Visits.Sizes {
		visits += size.Visits
	}
	require.Equal(t, s.Visits.ByKernel+s.Visits.ByTimer, visits)
	require.Equal(t, -1, s.Visits.Sizes[len(s.Visits.Sizes)-1].Most)

	require.Equal(t, agent.SubscriberCounts{Consumers: 1, Listeners: 1, Clients: 1}, s.Ever)
	require.Equal(t, "*testutils.FakeConsumer", s.Consumers[0].Name)
	require.Empty(t, s.Consumers[0].Version)
	require.EqualValues(t, 15, s.Consumers[0].Delivered, "also what can't be encoded")
	require.Equal(t, "a name", s.Listeners[0].Name)
	require.Equal(t, listener.Version1_2, s.Listeners[0].Version)
	require.EqualValues(t, 13, s.Listeners[0].Delivered)
	require.Equal(t, os.Getpid(), s.Clients[0].PID)
	require.Equal(t, "agent.test", s.Clients[0].Name)
	require.EqualValues(t, 13, s.Clients[0].Delivered)
	require.WithinRange(t, s.Clients[0].Since, begin, time.Now())
}

// TestWriteErrors counts a client that is gone by the time something is written to it.
func TestWriteErrors(t *testing.T) {
	f := attached(t)
	for f.Stats().WriteErrors == 0 {
		conn := f.dial(t)
		require.NoError(t, conn.Close())
		require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("to nobody")))
		eventually(t, func() bool { return len(f.Stats().Clients) == 0 }, "the client is gone")
	}
	totals := f.Stats().ClientTotals
	require.NotZero(t, totals.Abandoned, "what could not be written")
	require.Equal(t, totals.Accepted, totals.Delivered+totals.Abandoned)
}
