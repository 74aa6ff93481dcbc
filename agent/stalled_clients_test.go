// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestClientsThatDoNotRead has more and more clients that read nothing beside one that
// does: it misses nothing, and what a client that does not read costs in memory does
// not depend on the size of the queue.
func TestClientsThatDoNotRead(t *testing.T) {
	const queue = 4096
	f := startServing(t, []agent.ServerOption{agent.WithMaxClients(2000)}, agent.WithQueueSize(queue))
	require.NoError(t, f.AttachToEventsMap(64))
	good := f.connect(t)
	stalled, sent := 0, uint64(0)
	flood := func() {
		for range 100 {
			require.NoError(t, f.gen.EmitTrace(100))
			require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
			sent++
			eventually(t, func() bool { return good.total() == f.emitted(t)+sent }, "the client that reads gets everything")
		}
		require.Zero(t, good.lost())
	}
	flood()
	before := heap()
	for _, n := range []int{1, 100, 1000} {
		for ; stalled < n; stalled++ {
			f.dial(t)
		}
		flood()
		require.Len(t, f.Stats().Clients, n+1)
		perClient := (heap() - before) / n
		t.Logf("%d clients that do not read: %d bytes of memory for each", n, perClient)
		if n >= 100 {
			require.Less(t, perClient, 16<<10, "a queue of its own would be %d bytes", queue*200)
		}
	}
}

// TestBatchIsBoundedInBytes has many large events wait in a ring: they are not all copied into the log
// at once, which may take less than they do.
func TestBatchIsBoundedInBytes(t *testing.T) {
	f := start(t, agent.WithQueueBytes(agent.MinQueueBytes))
	require.NoError(t, f.AttachToEventsMap(2048))
	c := &memoryConsumer{stats: f.Stats, entered: make(chan struct{}), resume: make(chan struct{})}
	f.RegisterNewConsumer(c)
	emit := func(size, n int) {
		require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitSample(make([]byte, size), n) }))
	}
	emit(100, 1)
	<-c.entered
	emit(32<<10, 200)
	close(c.resume)
	require.NoError(t, c.WaitFor(t.Context(), 201))
	require.NoError(t, f.Flush(t.Context()))
	require.NotZero(t, c.most)
	require.LessOrEqual(t, c.most, agent.MinQueueBytes)
}

// memoryConsumer looks what the log takes in each callback. It stays in the first one until it is
// told to go on.
type memoryConsumer struct {
	testutils.FakeConsumer
	stats           func() agent.Stats
	entered, resume chan struct{}
	most            int
}

func (c *memoryConsumer) NotifyPerfEvent(data []byte, cpu int) {
	if c.most == 0 {
		close(c.entered)
		<-c.resume
	}
	c.most = max(c.most, c.stats().QueueMemory)
	c.FakeConsumer.NotifyPerfEvent(data, cpu)
}

// TestStoppedProcess stops a client's process with SIGSTOP, and kills it.
func TestStoppedProcess(t *testing.T) {
	f := attached(t)
	good := f.connect(t)
	process := f.process(t)
	require.NoError(t, process.Process.Signal(syscall.SIGSTOP))
	for range 100 {
		require.NoError(t, f.gen.EmitTrace(100))
		eventually(t, func() bool { return good.total() == f.emitted(t) }, "the client that reads gets everything")
	}
	require.Zero(t, good.lost())

	require.NoError(t, process.Process.Kill())
	eventually(t, func() bool { return len(f.Stats().Clients) == 1 }, "the agent notices that the client was killed")
	require.True(t, f.emits(t))
}

// heap returns the bytes in use after a garbage collection.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}

// TestClientThatRefusesToRead checks that a client which can't be written to is no subscriber
// any more.
func TestClientThatRefusesToRead(t *testing.T) {
	f := attached(t)
	conn := f.dial(t)
	require.NoError(t, conn.CloseRead())
	require.NoError(t, f.gen.EmitTrace(1))
	eventually(t, func() bool { return f.State() == nil }, "the client is given up")
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

// TestHalfClosed checks that a client which closes only the direction that it does not use
// goes on reading.
func TestHalfClosed(t *testing.T) {
	f := attached(t)
	c := f.connect(t)
	_, err := c.conn.Write([]byte("what a client has no reason to send"))
	require.NoError(t, err)
	require.NoError(t, c.conn.CloseWrite())
	for range 10 {
		require.NoError(t, f.gen.EmitTrace(100))
	}
	eventually(t, func() bool { return c.delivered() == 1000 }, "all is delivered")
	require.NoError(t, c.conn.Close())
	eventually(t, func() bool { return f.State() == nil }, "the agent notices that the client is gone")
}
