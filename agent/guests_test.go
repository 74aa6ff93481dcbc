// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// panickingConsumer panics at the nth event.
type panickingConsumer struct {
	at int
	n  int
}

func (c *panickingConsumer) call() {
	if c.n++; c.n == c.at {
		panic("a bug")
	}
}
func (c *panickingConsumer) String() string                  { return "bad" }
func (c *panickingConsumer) NotifyAgentEvent(int, any)       { c.call() }
func (c *panickingConsumer) NotifyPerfEvent([]byte, int)     { c.call() }
func (c *panickingConsumer) NotifyPerfEventLost(uint64, int) { c.call() }

// guarded is an agent with a source, whose log and health can be looked at.
type guarded struct {
	*fixture
	src    *fakeSource
	log    *logtest.Hook
	health *cell.SimpleHealth
}

func newGuarded(t *testing.T, opts ...agent.Option) *guarded {
	t.Helper()
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	hook := logtest.NewLocal(logger)
	health, root := cell.NewSimpleHealth()
	opts = append([]agent.Option{agent.WithLogger(logger), agent.WithHealth(health)}, opts...)
	g := &guarded{fixture: start(t, opts...), src: &fakeSource{}, log: hook, health: root}
	require.NoError(t, g.AttachSource("fake", g.src))
	return g
}

// errors returns what was logged that contains text.
func (g *guarded) errors(text string) (entries []*logrus.Entry) {
	for _, e := range g.log.AllEntries() {
		if strings.Contains(e.Message, text) {
			entries = append(entries, e)
		}
	}
	return entries
}

// subscribers returns the health of subscribers.
func (g *guarded) subscribers() string {
	scope := g.health.GetChild("subscribers")
	if scope == nil {
		return ""
	}
	scope.Lock()
	defer scope.Unlock()
	if scope.Error == nil {
		return scope.Status
	}
	return scope.Error.Error()
}

// TestPanicInConsumer has a consumer panic: SendEvent returns, everybody else gets all events, and
// the consumer is removed, logged, reported and counted with what it missed.
func TestPanicInConsumer(t *testing.T) {
	g := newGuarded(t)
	first, bad, last := &testutils.FakeConsumer{}, &panickingConsumer{at: 2}, &testutils.FakeConsumer{}
	for _, c := range []consumer.MonitorConsumer{first, bad, last} {
		g.RegisterNewConsumer(c)
	}
	for range 4 {
		require.NoError(t, g.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	}
	for _, c := range []*testutils.FakeConsumer{first, last} {
		events, _ := c.Counts()
		require.EqualValues(t, 4, events)
	}
	require.Equal(t, 2, bad.n, "it gets nothing more")

	stats := g.Stats()
	require.Len(t, stats.Consumers, 2)
	require.Len(t, stats.Removed, 1)
	removed := stats.Removed[0]
	require.WithinRange(t, removed.Removed, time.Now().Add(-timeout), time.Now())
	removed.Removed = time.Time{}
	require.Equal(t, agent.RemovedStats{Kind: "consumer", Name: "bad", Reason: "it panicked: a bug", Delivered: 1, Missed: 3}, removed)
	require.Equal(t, agent.RemovedTotals{Guests: 1, Missed: 3}, stats.RemovedConsumers)
	require.Contains(t, g.subscribers(), "consumer bad was removed: it panicked: a bug")
	logged := g.errors("A consumer is removed")
	require.Len(t, logged, 1)
	require.Equal(t, "bad", logged[0].Data["consumer"])
	require.Contains(t, logged[0].Data["stack"], "guests_test.go")

	g.RegisterNewConsumer(bad)
	require.NoError(t, g.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.Equal(t, 3, bad.n, "it may come again")
	require.NotContains(t, g.subscribers(), "bad")
	stats = g.Stats()
	require.Empty(t, stats.Removed)
	require.Equal(t, agent.RemovedTotals{Guests: 1, Missed: 3}, stats.RemovedConsumers)
}

// TestPanicOfDatapathEvent has a consumer panic in the middle of a batch of the datapath, at a sample
// and at a loss.
func TestPanicOfDatapathEvent(t *testing.T) {
	g := newGuarded(t)
	bad, good := &panickingConsumer{at: 2}, &testutils.FakeConsumer{}
	g.RegisterNewConsumer(bad)
	g.RegisterNewConsumer(good)
	client := g.connect(t)
	require.True(t, g.src.write("one", "two", "three"))
	require.NoError(t, good.WaitFor(t.Context(), 3))
	require.True(t, g.src.lose(7))
	require.True(t, g.src.write("four"))
	require.NoError(t, good.WaitFor(t.Context(), 11))
	eventually(t, func() bool { return client.total() == 11 }, "clients get everything")
	require.Equal(t, 2, bad.n)
	require.EqualValues(t, 1, g.Stats().Removed[0].Delivered)
	require.EqualValues(t, 10, g.Stats().Removed[0].Missed)

	atLoss := &panickingConsumer{at: 1}
	g.RegisterNewConsumer(atLoss)
	require.True(t, g.src.lose(5))
	require.NoError(t, good.WaitFor(t.Context(), 16))
	eventually(t, func() bool { return len(g.Stats().Removed) == 2 }, "the other one is removed")
	require.EqualValues(t, 5, g.Stats().Removed[1].Missed)
	require.EqualValues(t, 15, g.Stats().Removed[0].Missed)
	g.RemoveConsumer(bad)
	require.Len(t, g.Stats().Removed, 1, "who registered it knows")
	require.EqualValues(t, 20, g.Stats().RemovedConsumers.Missed)
}

// TestPanicOfLastSubscriber has nobody left: the rings are not read any more, and are again for the
// next one.
func TestPanicOfLastSubscriber(t *testing.T) {
	g := newGuarded(t)
	g.RegisterNewConsumer(&panickingConsumer{at: 1})
	require.True(t, g.src.write("one"))
	eventually(t, func() bool { return !g.src.write() }, "the source is closed")
	good := &testutils.FakeConsumer{}
	g.RegisterNewConsumer(good)
	require.True(t, g.src.write("two"))
	require.NoError(t, good.WaitFor(t.Context(), 1))
}

// panickingListener panics in Enqueue, in Close, or both.
type panickingListener struct {
	inEnqueue, inClose bool
	closed             chan struct{}
}

func (l *panickingListener) Enqueue(*payload.Payload) {
	if l.inEnqueue {
		panic("in Enqueue")
	}
}
func (l *panickingListener) Version() listener.Version { return listener.Version1_2 }
func (l *panickingListener) Close() {
	close(l.closed)
	if l.inClose {
		panic("a bug")
	}
}
func (l *panickingListener) String() string { panic("in String") }

func TestPanicInListener(t *testing.T) {
	g := newGuarded(t)
	bad, good := &panickingListener{inEnqueue: true, inClose: true, closed: make(chan struct{})}, &testutils.FakeListener{}
	g.RegisterNewListener(bad)
	g.RegisterNewListener(good)
	for range 3 {
		require.NoError(t, g.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	}
	require.NoError(t, good.WaitFor(t.Context(), 3))
	<-bad.closed
	eventually(t, func() bool { return len(g.Stats().Removed) == 2 }, "both panics are reported")
	stats := g.Stats()
	require.Equal(t, "*agent_test.panickingListener", stats.Removed[0].Name)
	require.Equal(t, "it panicked: in Enqueue", stats.Removed[0].Reason)
	require.EqualValues(t, 3, stats.Removed[0].Missed)
	require.Equal(t, "in Close: it panicked: a bug", stats.Removed[1].Reason)
	require.EqualValues(t, 2, stats.RemovedListeners.Guests)
}

// TestPanicInClose removes a listener that panics then, by each of the ways.
func TestPanicInClose(t *testing.T) {
	g := newGuarded(t)
	removed := &panickingListener{inClose: true, closed: make(chan struct{})}
	g.RegisterNewListener(removed)
	g.RemoveListener(removed)
	require.Len(t, g.Stats().Removed, 1)
	require.Zero(t, g.Stats().Removed[0].Missed)
	left := &panickingListener{inClose: true, closed: make(chan struct{})}
	g.RegisterNewListener(left)
	g.stop()
	refused := &panickingListener{inClose: true, closed: make(chan struct{})}
	g.RegisterNewListener(refused)
	require.EqualValues(t, 3, g.Stats().RemovedListeners.Guests)
}

// TestCloseBlocks stops an agent although listeners do not close: it says so.
func TestCloseBlocks(t *testing.T) {
	g := newGuarded(t, agent.WithDrainTimeout(10*time.Millisecond))
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var listeners []*slowListener
	for range 3 {
		l := &slowListener{closing: make(chan struct{}), release: release}
		listeners = append(listeners, l)
		g.RegisterNewListener(l)
	}
	good := &testutils.FakeConsumer{}
	g.RegisterNewConsumer(good)
	g.RemoveListener(listeners[0])
	require.NoError(t, g.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	require.NoError(t, good.WaitFor(t.Context(), 1))
	require.Contains(t, g.subscribers(), "listener *agent_test.slowListener was removed: its Close does not return")
	g.stop()
	require.Len(t, g.Stats().Removed, 3)
	require.Contains(t, g.subscribers(), "its Close does not return")
	require.Len(t, g.errors("A listener is removed"), 3)
	for _, l := range listeners {
		<-l.closing
	}
}

// TestCloseReturnsLate has a listener that closes after all: nothing is wrong any more.
func TestCloseReturnsLate(t *testing.T) {
	g := newGuarded(t, agent.WithDrainTimeout(10*time.Millisecond))
	l := &slowListener{closing: make(chan struct{}), release: make(chan struct{})}
	g.RegisterNewListener(l)
	g.RemoveListener(l)
	require.Len(t, g.Stats().Removed, 1)
	close(l.release)
	eventually(t, func() bool { return len(g.Stats().Removed) == 0 }, "it is closed")
	require.NotContains(t, g.subscribers(), "Close")
	require.EqualValues(t, 1, g.Stats().RemovedListeners.Guests)
}

// TestStuckConsumer has a callback that does not return: it is named while it runs.
func TestStuckConsumer(t *testing.T) {
	g := newGuarded(t)
	c := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(c.release) })
	defer release()
	g.RegisterNewConsumer(c)
	eventually(t, func() bool { return g.src.write("one") }, "the source is read")
	<-c.called
	eventually(t, func() bool {
		return strings.Contains(g.subscribers(), "consumer *agent_test.blockedConsumer has held everybody up for ")
	}, "it is named")
	require.GreaterOrEqual(t, g.Stats().Consumers[0].Running, 2*time.Second)
	require.GreaterOrEqual(t, g.Stats().CallTotals[0].Running, 2*time.Second)
	release()
	eventually(t, func() bool { return g.subscribers() == "No consumer or listener is in the way" }, "it has returned")
	require.Len(t, g.errors("Subscribers are in the way"), 1)
	require.Zero(t, g.Stats().Consumers[0].Running)
}

// TestSlowConsumer has a consumer that is why events are lost, and another one that is not.
func TestSlowConsumer(t *testing.T) {
	g := newGuarded(t)
	g.RegisterNewConsumer(&testutils.FakeConsumer{})
	g.RegisterNewConsumer(&spinningConsumer{src: g.src})
	require.True(t, g.src.write("first"))
	named := regexp.MustCompile(`consumer \*agent_test\.spinningConsumer takes .* so that events are lost`)
	eventually(t, func() bool { return named.MatchString(g.subscribers()) }, "it is named")
	eventually(t, func() bool { return g.Stats().Consumers[1].PerEvent > 500*time.Microsecond }, "its time is told")
	stats := g.Stats()
	require.Greater(t, stats.Consumers[1].Busy, stats.Consumers[0].Busy)
	require.NotZero(t, stats.Consumers[1].Calls)
}

// spinningConsumer takes a millisecond for each event of a datapath that is always ahead of it.
type spinningConsumer struct {
	testutils.FakeConsumer
	src *fakeSource
}

func (c *spinningConsumer) NotifyPerfEvent([]byte, int) {
	if c.src.pending() < 10 {
		c.src.write("one", "two", "three")
		c.src.lose(1)
	}
	for start := time.Now(); time.Since(start) < time.Millisecond; {
	}
}

// TestQueuedConsumer has a consumer in a queue that does not return, and one that panics there:
// nobody is held up, and both are counted by name.
func TestQueuedConsumer(t *testing.T) {
	g := newGuarded(t)
	blocked := &blockedConsumer{MonitorConsumer: &testutils.FakeConsumer{}, called: make(chan struct{}, 100), release: make(chan struct{})}
	queued := consumer.NewQueued(blocked, 2)
	g.RegisterNewConsumer(queued)
	good := &testutils.FakeConsumer{}
	g.RegisterNewConsumer(good)
	require.True(t, g.src.write("one"))
	<-blocked.called
	require.True(t, g.src.write("two", "three", "four", "five"))
	require.NoError(t, good.WaitFor(t.Context(), 5))
	stats := g.Stats()
	require.Equal(t, "*agent_test.blockedConsumer", stats.Consumers[0].Name)
	require.Equal(t, &consumer.QueueStats{Size: 2, Accepted: 5, Lost: 2, Lag: 3}, stats.Consumers[0].Queue)
	require.Equal(t, "*agent_test.blockedConsumer", stats.CallTotals[0].Name)
	require.Equal(t, stats.Consumers[0].Queue, stats.CallTotals[0].Queue)
	close(blocked.release)
	g.RemoveConsumer(queued)
	require.NoError(t, queued.Close(t.Context()))

	bad := consumer.NewQueued(&panickingConsumer{at: 1}, 10)
	g.RegisterNewConsumer(bad)
	require.True(t, g.src.write("six"))
	eventually(t, func() bool { return len(g.Stats().Removed) == 1 }, "it is removed")
	require.True(t, g.src.write("seven"))
	require.NoError(t, good.WaitFor(t.Context(), 7))
	removed := g.Stats().Removed[0]
	require.Equal(t, "bad", removed.Name)
	require.Equal(t, "in its queue: it panicked: a bug", removed.Reason)
	require.EqualValues(t, 2, removed.Missed)
	require.Error(t, bad.Close(t.Context()))
}

// TestMissedWithoutOthers counts what a consumer misses that was the only one: a client still has
// the events read.
func TestMissedWithoutOthers(t *testing.T) {
	g := newGuarded(t)
	g.RegisterNewConsumer(&panickingConsumer{at: 1})
	client := g.connect(t)
	require.True(t, g.src.write("one"))
	eventually(t, func() bool { return len(g.Stats().Removed) == 1 }, "it is removed")
	require.True(t, g.src.write("two", "three"))
	require.NoError(t, g.SendEvent(200, "four"))
	eventually(t, func() bool { return client.total() == 4 }, "the client gets everything")
	require.EqualValues(t, 4, g.Stats().Removed[0].Missed)
}
