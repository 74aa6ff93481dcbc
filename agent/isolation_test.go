// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// TestClientsThatDoNotRead has more and more clients that read nothing beside one that
// does: it misses nothing, and what a client that does not read costs in memory does
// not depend on the size of the queue.
func TestClientsThatDoNotRead(t *testing.T) {
	const queue = 4096
	f := attached(t, agent.WithQueueSize(queue))
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
