// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"go.uber.org/goleak"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bench/internal/control"
)

// Held is what a process has of what must not grow.
type Held struct {
	Goroutines  int
	Descriptors int
}

// Inside is what the agent's process has in the end, beside agent.Stats.
type Inside struct {
	Stats   agent.Stats
	Direct  Tally // the consumer that stays
	Queued  Tally // the one with a queue
	Streams map[string]Tally

	ConsumerLives, StreamLives Lives
}

// Stopped is what is left once the agent has stopped.
type Stopped struct {
	Goroutines  string // their stacks, empty if there are none
	Descriptors int
}

// process is the agent's.
type process struct {
	hive    *hive.Hive
	agent   *agent.Agent
	log     *slog.Logger
	guests  *guests
	stop    context.CancelFunc // of the load
	stopped chan Sent
}

// pinned is the datapath: the driver has pinned the events map before it starts the agent.
func pinned(context.Context) error { return nil }

// serveAgent is the process of the agent: monitor.Cell in a hive with the default configuration, and
// its senders and subscribers inside the process. It does what the driver says until that
// closes stdin.
func serveAgent() error {
	before := goleak.IgnoreCurrent()
	start, err := held()
	if err != nil {
		return err
	}
	p := &process{log: slog.New(slog.DiscardHandler)}
	p.hive = hive.New(
		monitor.Cell,
		cell.Provide(func() monitor.DatapathReady { return pinned }),
		cell.Invoke(func(a *agent.Agent) { p.agent = a }),
	)
	if err := p.hive.Start(p.log, context.Background()); err != nil {
		return err
	}
	return control.Serve(map[string]control.Handler{
		"ping":      func(func(any) error) (any, error) { return nil, nil },
		"held":      func(func(any) error) (any, error) { return held() },
		"memory":    func(func(any) error) (any, error) { return takeMemory(p.agent) },
		"stats":     func(func(any) error) (any, error) { return p.agent.Stats(), nil },
		"subscribe": p.subscribe,
		"load":      p.load,
		"calm":      p.calm,
		"inside":    p.inside,
		"attach":    p.attach,
		"detach":    p.detach,
		"leave":     func(func(any) error) (any, error) { return nil, p.guests.leave() },
		"stop": func(func(any) error) (any, error) {
			if err := p.hive.Stop(p.log, context.Background()); err != nil {
				return nil, err
			}
			return stopped(before, start)
		},
	})
}

func (p *process) subscribe(func(any) error) (any, error) {
	p.guests = subscribe(p.agent)
	return nil, nil
}

// load begins to send, and has subscribers come and go, until calm.
func (p *process) load(decode func(any) error) (any, error) {
	var share float64
	if err := decode(&share); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop, p.stopped = cancel, make(chan Sent)
	visitors := make(chan struct{})
	go func() {
		defer close(visitors)
		p.guests.comeAndGo(ctx)
	}()
	go func() {
		sent := send(ctx, p.agent, stretch(25*time.Millisecond, share))
		<-visitors
		p.stopped <- sent
	}()
	return nil, nil
}

func (p *process) calm(func(any) error) (any, error) {
	p.stop()
	return <-p.stopped, nil
}

func (p *process) inside(func(any) error) (any, error) {
	g := p.guests
	in := Inside{
		Stats: p.agent.Stats(), Direct: g.direct.tally(), Queued: g.queued.tally(), Streams: map[string]Tally{},
		ConsumerLives: g.consumerLives.get(), StreamLives: g.streamLives.get(),
	}
	for _, s := range g.streams {
		in.Streams[s.name] = s.tally()
	}
	return in, nil
}

const (
	// deviceSource is what the agent calls the embedded datapath, and devicePages the size of its rings.
	deviceSource = "device"
	devicePages  = 1024

	// detachTimeout is for a machine that does many other things.
	detachTimeout = 5 * time.Minute
)

// attach attaches the events map that is pinned at a path, as a source beside the other one.
func (p *process) attach(decode func(any) error) (any, error) {
	var path string
	if err := decode(&path); err != nil {
		return nil, err
	}
	m, err := ebpf.LoadPinnedMap(path, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the map at %s: %w", path, err)
	}
	return nil, errors.Join(p.agent.AttachToMap(deviceSource, m, devicePages), m.Close())
}

func (p *process) detach(func(any) error) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), detachTimeout)
	defer cancel()
	return nil, p.agent.Detach(ctx, deviceSource)
}

func held() (Held, error) {
	fds, err := os.ReadDir("/proc/self/fd")
	return Held{Goroutines: runtime.NumGoroutine(), Descriptors: len(fds)}, err
}

func stopped(before goleak.Option, start Held) (Stopped, error) {
	now, err := held()
	s := Stopped{Descriptors: now.Descriptors - start.Descriptors}
	if leak := goleak.Find(before); leak != nil {
		s.Goroutines = leak.Error()
	}
	return s, err
}
