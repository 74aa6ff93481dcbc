// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync"
	"time"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/consumer"
)

// counted is a consumer that follows its events.
type counted struct {
	mu sync.Mutex
	t  *tracker // guarded by mu
}

func newCounted() *counted { return &counted{t: newTracker()} }

// String names all of them alike.
func (c *counted) String() string { return guestName }

// NotifyAgentEvent implements consumer.MonitorConsumer.
func (c *counted) NotifyAgentEvent(_ int, message any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.begin()
	if text := textOf(message); text != "" {
		c.t.text(text)
		return
	}
	c.t.Strange++
}

// NotifyPerfEvent implements consumer.MonitorConsumer.
func (c *counted) NotifyPerfEvent(data []byte, cpu int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.begin()
	c.t.sample(data, cpu)
}

// NotifyPerfEventLost implements consumer.MonitorConsumer.
func (c *counted) NotifyPerfEventLost(n uint64, cpu int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.begin()
	c.t.lost(n, cpu)
}

func (c *counted) tally() Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t.Tally
}

// guestName is what all consumers and streams are called.
const guestName = "soak"

// guests are the subscribers inside the agent's process.
type guests struct {
	agent          *agent.Agent
	direct, queued *counted // consumers that stay
	queue          *consumer.Queued
	streams        []*stream // that stay, fast and slow
	cancel         context.CancelFunc
	ended          sync.WaitGroup // streams that stay

	consumerLives, streamLives *lives
}

// stream is a stream and its reader.
type stream struct {
	name string
	counted
}

// subscribe subscribes those that stay.
func subscribe(a *agent.Agent) *guests {
	g := &guests{
		agent: a, direct: newCounted(), queued: newCounted(),
		consumerLives: newLives(), streamLives: newLives(),
	}
	a.RegisterNewConsumer(g.direct)
	g.queue = consumer.NewQueued(g.queued, 4096)
	a.RegisterNewConsumer(g.queue)
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	for name, every := range map[string]int{"fast stream": 0, "slow stream": 1000} {
		s := &stream{name: name, counted: counted{t: newTracker()}}
		g.streams = append(g.streams, s)
		payloads := a.Subscribe(ctx, guestName)
		g.ended.Go(func() {
			n := 0
			for pl := range payloads {
				s.mu.Lock()
				s.t.payload(pl)
				s.mu.Unlock()
				if n++; every > 0 && n%every == 0 {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	return g
}

// guestSlots is how many consumers, and how many streams, there are at once that come and go.
const guestSlots = 4

// comeAndGo has consumers and streams come and go until ctx ends.
func (g *guests) comeAndGo(ctx context.Context) {
	var wg sync.WaitGroup
	for range guestSlots {
		wg.Go(func() {
			for ctx.Err() == nil {
				g.consumerLife(ctx)
			}
		})
		wg.Go(func() {
			for ctx.Err() == nil {
				g.streamLife(ctx)
			}
		})
	}
	wg.Wait()
}

// meanLife is how long they stay.
const meanLife = 500 * time.Millisecond

func (g *guests) consumerLife(ctx context.Context) {
	c := newCounted()
	g.agent.RegisterNewConsumer(c)
	pause(ctx, meanLife)
	g.agent.RemoveConsumer(c)
	// Once this returns it is in no callback any more.
	err := g.agent.Flush(context.Background())
	g.consumerLives.add("consumer", c.tally(), false, err)
}

func (g *guests) streamLife(ctx context.Context) {
	t := newTracker()
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	var timer sync.WaitGroup
	timer.Go(func() {
		pause(life, meanLife)
		cancel()
	})
	for pl := range g.agent.Subscribe(life, guestName) {
		t.payload(pl)
	}
	cancel()
	timer.Wait()
	g.streamLives.add("stream", t.Tally, false, nil)
}

// leave removes those that stay.
func (g *guests) leave() error {
	g.agent.RemoveConsumer(g.direct)
	g.agent.RemoveConsumer(g.queue)
	g.cancel()
	g.ended.Wait()
	return g.queue.Close(context.Background())
}

// text takes a user event as consumers get it.
func (t *tracker) text(text string) {
	if notify, err := api.GenericMessage(text).ToJSON(); err == nil {
		if _, ok := notify.MonitorNotice(); ok {
			t.Notices++
			return
		}
	}
	t.userEvent([]byte(text))
}
