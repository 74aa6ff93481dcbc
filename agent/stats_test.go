// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
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

	require.NotZero(t, s.Polls.ByKernel)
	require.EqualValues(t, 12, s.Polls.Records)
	var polls uint64
	for _, bucket := range s.Polls.Buckets {
		polls += bucket.Polls
	}
	require.Equal(t, s.Polls.ByKernel+s.Polls.ByTimer, polls)
	require.Equal(t, -1, s.Polls.Buckets[len(s.Polls.Buckets)-1].UpperBound)

	require.Equal(t, agent.SubscriberCounts{Consumers: 1, Listeners: 1, Clients: 1}, s.TotalSubscribers)
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

// heldLog keeps whoever logs that a client connected waiting.
type heldLog struct{ release chan struct{} }

func (heldLog) Levels() []logrus.Level { return []logrus.Level{logrus.DebugLevel} }

func (h heldLog) Fire(e *logrus.Entry) error {
	if strings.Contains(e.Message, "connected") {
		<-h.release
	}
	return nil
}

// TestClientThatLeftIsNoWriteError writes to a client that is gone, which the server does not know yet since it
// is kept waiting.
func TestClientThatLeftIsNoWriteError(t *testing.T) {
	held := heldLog{release: make(chan struct{})}
	log := logrus.New()
	log.SetOutput(io.Discard)
	log.SetLevel(logrus.DebugLevel)
	log.AddHook(held)
	f := attached(t, agent.WithLogger(log))
	conn := f.dial(t)
	require.NoError(t, conn.Close())
	for n := range uint64(2) { // the first one has been written, or not, when the second one is counted
		require.NoError(t, f.gen.EmitTrace(1))
		eventually(t, func() bool { return f.Stats().Datapath.Events() == n+1 }, "the event is read")
	}
	require.Len(t, f.Stats().Clients, 1)
	close(held.release)
	eventually(t, func() bool { return len(f.Stats().Clients) == 0 }, "the client is gone")
	require.Equal(t, agent.ClientTotals{Accepted: 2, Abandoned: 2}, f.Stats().ClientTotals)
	require.Zero(t, f.Stats().WriteErrors)
}
