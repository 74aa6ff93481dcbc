// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestComingAndGoing has subscribers of all kinds come and go while events flow, from other
// goroutines and from callbacks, and the agent be attached, asked and stopped in the
// middle of it.
func TestComingAndGoing(t *testing.T) {
	for _, attachFirst := range []bool{true, false} {
		f := start(t, agent.WithQueueSize(64))
		if attachFirst {
			require.NoError(t, f.AttachToEventsMap(8))
		}
		var running, sources sync.WaitGroup
		var stop atomic.Bool
		for range 2 {
			sources.Go(func() {
				for !stop.Load() {
					assert.NoError(t, f.gen.EmitTrace(rand.IntN(200)))
					_ = f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello"))
				}
			})
		}
		for range 4 {
			running.Go(func() {
				for range 250 {
					c := &busyConsumer{agent: f.Agent}
					f.RegisterNewConsumer(c)
					_ = f.State()
					l := &testutils.FakeListener{}
					f.RegisterNewListener(l)
					_ = f.Stats()
					f.RemoveConsumer(c)
					f.RemoveListener(l)
					if conn, err := net.Dial("unix", f.socket); err == nil {
						if rand.IntN(2) == 0 {
							_, _ = conn.Read(make([]byte, 1000))
						}
						conn.Close()
					}
				}
			})
		}
		if !attachFirst {
			require.NoError(t, f.AttachToEventsMap(8))
		}
		running.Wait()
		// Nobody is left, except what callbacks registered last.
		eventually(t, func() bool { return len(f.Stats().Clients) == 0 }, "all clients are gone")

		c := f.connect(t)
		eventually(t, func() bool { return c.delivered() > 0 }, "events still flow")
		f.stop()
		stop.Store(true)
		sources.Wait()
	}
}

// busyConsumer calls the agent from its callbacks.
type busyConsumer struct {
	agent *agent.Agent
	calls atomic.Int64
}

func (c *busyConsumer) NotifyAgentEvent(int, any)       { c.call() }
func (c *busyConsumer) NotifyPerfEvent([]byte, int)     { c.call() }
func (c *busyConsumer) NotifyPerfEventLost(uint64, int) { c.call() }
func (c *busyConsumer) call() {
	switch c.calls.Add(1) % 64 {
	case 1:
		_ = c.agent.State()
		_ = c.agent.Stats()
		_ = c.agent.AttachToEventsMap(8)
	case 2:
		_ = c.agent.SendEvent(api.MessageTypeAgent, api.GenericMessage("from a callback"))
	case 3:
		other := &testutils.FakeConsumer{}
		c.agent.RegisterNewConsumer(other)
		c.agent.RemoveConsumer(other)
	case 4:
		c.agent.RemoveConsumer(c)
		c.agent.RegisterNewConsumer(c)
	case 5:
		c.agent.RemoveConsumer(c)
	}
}

// TestStopDuringTraffic stops agents while events flow.
func TestStopDuringTraffic(t *testing.T) {
	for range 10 {
		f := attached(t, agent.WithDrainTimeout(timeout)) // however slow the clients are
		clients := []*client{f.connect(t), f.connect(t)}
		var source sync.WaitGroup
		source.Go(func() {
			for range 100 {
				assert.NoError(t, f.gen.EmitTrace(100))
			}
		})
		eventually(t, func() bool { return clients[0].total() > 100 }, "events flow")
		f.stop()
		source.Wait()
		for _, c := range clients {
			require.NoError(t, c.failed())
			require.Equal(t, f.emitted(t), c.total(), "what was emitted while the rings were open was delivered")
		}
	}
}
