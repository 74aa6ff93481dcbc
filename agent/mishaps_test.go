// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// TestLeaveWhileRetrying has the last subscriber leave at all moments around the one at
// which a reader that failed is started again.
func TestLeaveWhileRetrying(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := attached(t, agent.WithHealth(health))
	c := &testutils.FakeConsumer{}
	for i := range 20 {
		restore := exhaustDescriptors(t)
		f.RegisterNewConsumer(c)
		eventually(t, func() bool {
			root.Lock()
			defer root.Unlock()
			return root.Level == cell.StatusDegraded
		}, "the reader failed")
		restore()
		<-time.After(80*time.Millisecond + time.Duration(i)*2*time.Millisecond)
		f.RemoveConsumer(c)
		require.Nil(t, f.State())
	}
}

// TestFailureLosesNothing has the reader fail while the rings have events: they are
// delivered all the same. A frozen map makes it fail, by the first change of mode.
func TestFailureLosesNothing(t *testing.T) {
	f := attached(t)
	c := &emittingConsumer{gen: f.gen}
	f.RegisterNewConsumer(c)
	require.NoError(t, f.gen.Map().Freeze())
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(1) }))
	eventually(t, func() bool { return f.State() == nil }, "the reader failed")
	eventually(t, func() bool {
		events, lost := c.Counts()
		return events+lost == f.emitted(t)
	}, "everything is delivered")
}

// emittingConsumer has the datapath emit two events for each of the first that it gets.
type emittingConsumer struct {
	testutils.FakeConsumer
	gen   *testutils.Generator
	calls int
}

func (c *emittingConsumer) NotifyPerfEvent(data []byte, cpu int) {
	c.FakeConsumer.NotifyPerfEvent(data, cpu)
	if c.calls++; c.calls < 32 {
		_ = testutils.OnCPU(0, func() error { return c.gen.EmitTrace(2) })
	}
}

// TestListenerIsClosedOnce removes listeners that an agent has closed.
func TestListenerIsClosedOnce(t *testing.T) {
	f := start(t)
	l := newChannelListener()
	f.RegisterNewListener(l)
	f.stop()
	f.RemoveListener(l) // would close the channel twice
	_, open := <-l.events
	require.False(t, open)
}

// TestNothingAfterClose removes listeners while events flow.
func TestNothingAfterClose(t *testing.T) {
	f := attached(t)
	var stop atomic.Bool
	var sources sync.WaitGroup
	for cpu := range runtime.NumCPU() {
		sources.Go(func() {
			for !stop.Load() {
				_ = testutils.OnCPU(cpu, func() error { return f.gen.EmitTrace(200) })
			}
		})
	}
	for range 500 {
		l := newChannelListener()
		f.RegisterNewListener(l)
		<-l.events
		f.RemoveListener(l)
		for range l.events { // until it is closed
		}
	}
	stop.Store(true)
	sources.Wait()
}

// channelListener is a listener as many are: it must not be called once it is closed.
type channelListener struct{ events chan *payload.Payload }

func newChannelListener() *channelListener {
	return &channelListener{events: make(chan *payload.Payload, 1)}
}

func (l *channelListener) Enqueue(pl *payload.Payload) {
	select {
	case l.events <- pl:
	default:
	}
}
func (l *channelListener) Version() listener.Version { return listener.Version1_2 }
func (l *channelListener) Close()                    { close(l.events) }

// TestRemovedInCallback checks that a consumer which another one removes does not get the
// event that is being delivered.
func TestRemovedInCallback(t *testing.T) {
	f := start(t)
	second := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(&removingConsumer{agent: f.Agent, other: second})
	f.RegisterNewConsumer(second)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	events, _ := second.Counts()
	require.Zero(t, events)
}

type removingConsumer struct {
	testutils.FakeConsumer
	agent *agent.Agent
	other *testutils.FakeConsumer
}

func (c *removingConsumer) NotifyAgentEvent(int, any) { c.agent.RemoveConsumer(c.other) }

// TestPanicInConsumer has a consumer panic under a caller that recovers, as servers do.
func TestPanicInConsumer(t *testing.T) {
	f := start(t)
	bad, good := &panickingConsumer{}, &testutils.FakeConsumer{}
	f.RegisterNewConsumer(bad)
	require.Panics(t, func() { _ = f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")) })
	f.RemoveConsumer(bad)
	f.RegisterNewConsumer(good)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	events, _ := good.Counts()
	require.EqualValues(t, 1, events)
}

type panickingConsumer struct{ testutils.FakeConsumer }

func (*panickingConsumer) NotifyAgentEvent(int, any) { panic("a bug") }

// TestClientThatRefusesToRead checks that a client which can't be written to is no subscriber
// any more.
func TestClientThatRefusesToRead(t *testing.T) {
	f := attached(t)
	conn := f.dial(t)
	require.NoError(t, conn.CloseRead())
	require.NoError(t, f.gen.EmitTrace(1))
	eventually(t, func() bool { return f.State() == nil }, "the client is given up")
}

// TestLargeEvent checks that an event which clients could not decode is refused, and that
// the others get through.
func TestLargeEvent(t *testing.T) {
	f := start(t)
	c := f.connect(t)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(strings.Repeat("x", 1<<20-1000))))
	require.ErrorContains(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(strings.Repeat("x", 1<<20))), "1048576")
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("small")))
	eventually(t, func() bool { return c.delivered() == 2 }, "two events are delivered")
}

// TestCatchUp has a client read after a long time that is behind by many segments of the
// log, and by no more bytes than its socket takes at once.
func TestCatchUp(t *testing.T) {
	const queue = 800
	f := start(t, agent.WithQueueSize(queue))
	c := newClient(f.dial(t))
	for range 20 * queue {
		require.NoError(t, f.SendEvent(200, 1))
	}
	c.read(t)
	eventually(t, func() bool { return c.total() == f.Stats().Accepted }, "the client has everything")
	require.NotZero(t, c.lost())
}

// TestTooManyPages checks that rings which could never be mapped are refused.
func TestTooManyPages(t *testing.T) {
	f := start(t)
	for _, pages := range []int{1<<16 + 1, 1 << 52, 1<<63 - 1} {
		require.ErrorContains(t, f.AttachToEventsMap(pages), "65536")
	}
}
