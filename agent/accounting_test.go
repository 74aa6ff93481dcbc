// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestAccounting floods an agent, from all CPUs and by SendEvent, that has clients which
// read fast, slowly, late, and not at all, and others that come and go. Each client that
// reads in the end has every event, as delivered or as lost.
func TestAccounting(t *testing.T) { overBoth(t, testAccounting) }

func testAccounting(t *testing.T, kind testutils.GeneratorOptions) {
	f := attachedOn(t, kind, agent.WithQueueSize(500))
	var clients []*client
	for range 3 {
		clients = append(clients, f.connect(t))
	}
	slow := f.connect(t)
	slow.mu.Lock() // it reads nothing while this is held
	late := newClient(f.dial(t))
	f.dial(t) // never reads

	var flood, visitors sync.WaitGroup
	var sent atomic.Uint64
	for cpu := range runtime.NumCPU() {
		flood.Go(func() {
			for range 40 {
				assert.NoError(t, testutils.OnCPU(cpu, func() error { return f.gen.EmitTrace(rand.IntN(3000)) }))
			}
		})
	}
	flood.Go(func() {
		for range 1000 {
			if f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")) == nil {
				sent.Add(1)
			}
		}
	})
	visitors.Go(func() {
		for range 50 {
			conn, err := net.Dial("unix", f.socket)
			if !assert.NoError(t, err) {
				return
			}
			_, _ = conn.Read(make([]byte, rand.IntN(10000)))
			conn.Close()
		}
	})
	flood.Wait()
	visitors.Wait()
	slow.mu.Unlock()
	late.read(t)

	clients = append(clients, slow, late)
	for i, c := range clients {
		eventually(t, func() bool { return c.total() == f.emitted(t)+sent.Load() },
			"client %d has %d events, %d were emitted", i, c.total(), f.emitted(t)+sent.Load())
		require.Zero(t, c.unordered)
	}
	require.NotZero(t, late.lost(), "the late client was to fall behind")

	// What the clients saw, the agent's statistics say too.
	stats := f.Stats()
	require.Equal(t, f.emitted(t)+sent.Load(), stats.Accepted)
	var lag uint64
	for _, c := range stats.Clients {
		require.Equal(t, stats.Accepted, c.Delivered+c.Lost+c.Lag)
		lag += c.Lag
	}
	totals := stats.ClientTotals
	require.Equal(t, totals.Accepted, totals.Delivered+totals.Lost+totals.Abandoned+lag)
	require.Equal(t, totals.Lost, stats.Lost.Behind)
	require.EqualValues(t, 6+50, stats.TotalSubscribers.Clients)
	require.Equal(t, sent.Load(), stats.User.Events())
	require.Equal(t, f.emitted(t), stats.Datapath.Events()+stats.Lost.Ring())
	require.EqualValues(t, 1000, sent.Load()+stats.Lost.QueueFull)

	// What the kernel lost is reported with its CPU.
	counters, err := f.gen.CountersByCPU()
	require.NoError(t, err)
	var noSpace uint64
	for _, c := range counters {
		noSpace += c.NoSpace
	}
	require.EqualValues(t, noSpace, f.State().Lost)
	for _, c := range clients {
		if c.lost() > 0 {
			continue // a loss of the datapath may be among what it lost
		}
		if kind.RingBufferSize > 0 { // which does not tell the CPU
			require.Equal(t, noSpace, c.datapath[0])
			require.Equal(t, []uint64{noSpace}, stats.Lost.RingFull)
			continue
		}
		for cpu, n := range counters {
			require.Equal(t, n.NoSpace, c.datapath[cpu], "losses of CPU %d", cpu)
			require.Equal(t, n.NoSpace, stats.Lost.RingFull[cpu], "losses of CPU %d", cpu)
		}
	}
}

// TestLossesAtTheEnd checks that events which the kernel loses at the end of a burst are
// reported although nothing follows them.
func TestLossesAtTheEnd(t *testing.T) {
	t.Run("perf", func(t *testing.T) { testLossesAtTheEnd(t, testutils.GeneratorOptions{}) })
	t.Run("ringbuf", func(t *testing.T) { testLossesAtTheEnd(t, testutils.GeneratorOptions{RingBufferSize: 1 << 12}) })
}

func testLossesAtTheEnd(t *testing.T, kind testutils.GeneratorOptions) {
	f := startOn(t, kind, nil)
	require.NoError(t, f.AttachToEventsMap(1))
	c := f.connect(t)
	for range 20 {
		require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(500) }))
		eventually(t, func() bool { return c.total() == f.emitted(t) },
			"the client has %d events, %d were emitted", c.total(), f.emitted(t))
	}
	counters, err := f.gen.Counters()
	require.NoError(t, err)
	require.NotZero(t, counters.NoSpace, "the ring was to be too small")
}
