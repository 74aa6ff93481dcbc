// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// strictConsumer is a consumer with start and stop hooks of its own. It gets the agent, and
// answers each datapath event with one of its own.
type strictConsumer struct {
	testutils.FakeConsumer
	agent *agent.Agent
	t     *testing.T

	entered, release chan struct{} // nil unless callbacks are to wait

	mu      sync.Mutex // guards what follows
	running bool
}

func newStrictConsumer(t *testing.T) func(cell.Lifecycle, *agent.Agent) (*strictConsumer, monitor.ConsumerOut) {
	return func(lc cell.Lifecycle, a *agent.Agent) (*strictConsumer, monitor.ConsumerOut) {
		c := &strictConsumer{t: t, agent: a}
		lc.Append(cell.Hook{
			OnStart: func(cell.HookContext) error { c.set(true); return nil },
			OnStop: func(cell.HookContext) error {
				require.NoError(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage("goodbye")))
				c.set(false)
				return nil
			},
		})
		return c, monitor.ConsumerOut{Consumer: c}
	}
}

func (c *strictConsumer) set(running bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = running
}

func (c *strictConsumer) isRunning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

func (c *strictConsumer) requireRunning() {
	if !c.isRunning() {
		c.t.Error("an event before the start or after the stop of its consumer")
	}
}

func (c *strictConsumer) NotifyPerfEvent(data []byte, cpu int) {
	c.requireRunning()
	c.FakeConsumer.NotifyPerfEvent(data, cpu)
}

func (c *strictConsumer) NotifyAgentEvent(typ int, message any) {
	if c.entered != nil {
		c.entered <- struct{}{}
		<-c.release
	}
	c.requireRunning()
	c.FakeConsumer.NotifyAgentEvent(typ, message)
}

// TestStopWaitsForCallbacks stops a hive while a consumer is in a callback and another event
// waits behind that. The stop waits for both.
func TestStopWaitsForCallbacks(t *testing.T) {
	var consumer *strictConsumer
	listener := new(testutils.FakeListener)
	closedInTime := make(chan bool, 1)
	h := newHive(t,
		cell.Provide(newStrictConsumer(t)),
		cell.Provide(func(lc cell.Lifecycle) monitor.ListenerOut {
			lc.Append(cell.Hook{OnStop: func(ctx cell.HookContext) error {
				done, cancel := context.WithCancel(ctx)
				cancel()
				closedInTime <- listener.WaitClosed(done) == nil
				return nil
			}})
			return monitor.ListenerOut{Listener: listener}
		}),
		cell.Invoke(func(c *strictConsumer) { consumer = c }),
	)
	require.NoError(t, h.Populate(h.log))
	consumer.entered, consumer.release = make(chan struct{}, 10), make(chan struct{})
	h.start()
	send := func(text string) {
		require.NoError(t, consumer.agent.SendEvent(api.MessageTypeAgent, api.GenericMessage(text)))
	}
	var first sync.WaitGroup
	first.Go(func() { send("first") })
	<-consumer.entered
	send("second")
	var stop sync.WaitGroup
	stop.Go(h.stop)
	h.eventuallyLogs("Stop hook executed")
	require.Never(t, func() bool { return !consumer.isRunning() }, 20*time.Millisecond, tick, "its stop hook waits for its callback")
	close(consumer.release)
	stop.Wait()
	first.Wait()
	events, _ := consumer.Counts()
	require.EqualValues(t, 2, events)
	events, _ = listener.Counts()
	require.EqualValues(t, 2, events)
	require.True(t, <-closedInTime, "the listener is closed before the stop hook of its cell")
}

// TestContributedSubscribers has cells provide a consumer and a listener. They are subscribed
// while their own parts run, and have all that the datapath wrote: also if the hive is
// stopped in the middle of traffic.
func TestContributedSubscribers(t *testing.T) {
	requireRoot(t)
	for name, order := range map[string]func(monitorCell, user cell.Cell) []cell.Cell{
		"monitor first": func(m, u cell.Cell) []cell.Cell { return []cell.Cell{m, u} },
		"monitor last":  func(m, u cell.Cell) []cell.Cell { return []cell.Cell{u, m} },
	} {
		t.Run(name, func(t *testing.T) {
			var (
				consumer *strictConsumer
				datapath *testutils.FakeDatapath
			)
			listener := new(testutils.FakeListener)
			user := cell.Module("user", "Cells of a user",
				cell.Provide(newStrictConsumer(t)),
				cell.Provide(func() monitor.ListenerOut { return monitor.ListenerOut{Listener: listener} }),
				cell.Provide(func() monitor.ConsumerOut { return monitor.ConsumerOut{} }), // nobody
				cell.Invoke(func(c *strictConsumer, d *testutils.FakeDatapath) { consumer, datapath = c, d }),
			)
			h := newHiveOf(t, append(order(monitor.Cell, user), testutils.FakeDatapathCell(t))...)
			h.start()
			client := h.connect()
			require.NoError(t, datapath.BecomeReady())
			h.eventuallyLogs("Attached to the events map")

			ctx, cancel := context.WithCancel(t.Context())
			var written, noSpace uint64
			var traffic sync.WaitGroup
			traffic.Go(func() {
				for ctx.Err() == nil {
					c, err := datapath.Emit(64)
					if err != nil {
						t.Errorf("emit: %v", err)
						return
					}
					written += c.Written
					noSpace += c.NoSpace
				}
			})
			require.NoError(t, consumer.WaitFor(t.Context(), 1000))
			h.stop()
			cancel()
			traffic.Wait()

			events, lost := consumer.Counts()
			require.Equal(t, written, events, "events of the consumer")
			require.Equal(t, noSpace, lost, "losses of the consumer")
			require.NoError(t, listener.WaitClosed(t.Context()))
			events, lost = listener.Counts()
			require.Equal(t, written, events, "events of the listener")
			require.Equal(t, noSpace, lost, "losses of the listener")
			require.NoError(t, client.WaitEnd(t.Context()))
			events, lost = client.Counts()
			require.Equal(t, written+noSpace+1, events+lost, "events and losses of the client, the goodbye included")
		})
	}
}
