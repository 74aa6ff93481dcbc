// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// outcome is all that was counted.
type outcome struct {
	counters testutils.Counters
	restarts *restarts
	sent     Sent
	inside   Inside
	staying  []Staying
	lives    Lives // of clients
	samples  []Memory

	idle, left Held // before the first subscriber, and after the last one
	stopped    Stopped
}

// processes are those of a soak.
type processes struct{ agent, clients *caller }

// soak runs one, and returns what came of it.
func soak(opts options) (*outcome, error) {
	d, err := newDatapath(runtime.NumCPU())
	if err != nil {
		return nil, err
	}
	var p processes
	o := &outcome{}
	err = func() (err error) {
		if p.agent, err = start(agentRole); err != nil {
			return err
		}
		if p.clients, err = start(clientsRole); err != nil {
			return err
		}
		o.restarts = &restarts{datapath: d, agent: p.agent, hotplug: opts.hotplug, done: map[string]int{}}
		for _, phase := range []struct {
			name string
			run  func() error
		}{
			{"connecting", func() error { return o.connect(p) }},
			{"under load", func() error { return o.load(p, d, opts) }},
			{"accounting", func() error { return o.settle(p, d) }},
			{"leaving", func() error { return o.leave(p) }},
		} {
			began := time.Now()
			if err := phase.run(); err != nil {
				return fmt.Errorf("%s: %w", phase.name, err)
			}
			fmt.Fprintf(os.Stderr, "%s took %v\n", phase.name, time.Since(began).Round(100*time.Millisecond))
		}
		return nil
	}()
	for _, other := range []*caller{p.clients, p.agent} {
		if other != nil {
			err = errors.Join(err, other.stop())
		}
	}
	return o, errors.Join(err, d.close())
}

// connect has all who stay subscribe, before the first event.
func (o *outcome) connect(p processes) error {
	if err := p.agent.call("held", nil, &o.idle); err != nil {
		return err
	}
	if err := p.agent.call("subscribe", nil, nil); err != nil {
		return err
	}
	if err := p.clients.call("connect", nil, nil); err != nil {
		return err
	}
	return until(time.Minute, "all clients are connected, and the map is read", func() (bool, error) {
		stats, err := p.stats()
		if err == nil && stats.Accepted > 0 {
			err = fmt.Errorf("there were %d events already", stats.Accepted)
		}
		return len(stats.Clients) == stayingEach*len(temperaments) && reads(stats), err
	})
}

// reads tells whether the agent reads the events map, and all of it.
func reads(stats agent.Stats) bool {
	at := slices.IndexFunc(stats.Sources, func(s agent.SourceStats) bool { return s.Name == agent.EventsMapSource })
	return at >= 0 && stats.Sources[at].Reading && stats.Sources[at].Error == ""
}

func (p processes) stats() (stats agent.Stats, err error) {
	return stats, p.agent.call("stats", nil, &stats)
}

// load puts everything on the agent.
func (o *outcome) load(p processes, d *datapath, opts options) error {
	for _, other := range []*caller{p.agent, p.clients} {
		if err := other.call("load", opts.load, nil); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), opts.duration)
	defer cancel()
	flood, endFlood := context.WithCancel(context.Background())
	defer endFlood()
	flooded, restarted := make(chan error, 1), make(chan error, 1)
	go func() { flooded <- d.run(flood, opts.load) }()
	go func() { restarted <- o.restarts.run(ctx) }()
	err := o.sample(ctx, p)
	cancel()
	err = errors.Join(err, <-restarted)
	if err == nil {
		// The last restart is not the end: events come until the agent reads them again.
		err = until(time.Minute, "the agent reads all CPUs again", func() (bool, error) {
			stats, err := p.stats()
			return reads(stats), err
		})
	}
	endFlood()
	err = errors.Join(err, <-flooded)
	if err != nil {
		return err
	}
	if err := p.agent.call("calm", nil, &o.sent); err != nil {
		return err
	}
	return p.clients.call("calm", nil, &o.lives)
}

// sample looks at the agent each second until ctx ends.
func (o *outcome) sample(ctx context.Context, p processes) error {
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		var m Memory
		if err := p.agent.call("memory", nil, &m); err != nil {
			return err
		}
		m.At = time.Since(began)
		o.samples = append(o.samples, m)
	}
}

// patience is how long nothing may change before what has not arrived is counted as missing.
const patience = time.Minute

// settle waits until all who stay have everything, or nothing comes any more.
func (o *outcome) settle(p processes, d *datapath) error {
	var err error
	if o.counters, err = d.counters(); err != nil {
		return err
	}
	known, changed := uint64(0), time.Now()
	for {
		if err := p.agent.call("inside", nil, &o.inside); err != nil {
			return err
		}
		if err := p.clients.call("staying", nil, &o.staying); err != nil {
			return err
		}
		if o.settled() {
			return nil
		}
		now := o.inside.Direct.Total() + o.inside.Queued.Total() + o.inside.Stats.ClientTotals.Abandoned
		for _, t := range o.inside.Streams {
			now += t.Total()
		}
		for _, s := range o.staying {
			now += s.Tally.Total()
		}
		if now != known {
			known, changed = now, time.Now()
		}
		if time.Since(changed) > patience {
			return nil // what is missing breaks a promise
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// leave ends all subscribers, then the agent.
func (o *outcome) leave(p processes) error {
	for _, other := range []*caller{p.clients, p.agent} {
		if err := other.call("leave", nil, nil); err != nil {
			return err
		}
	}
	// What is left for longer breaks a promise.
	_ = until(time.Minute, "nothing is left", func() (bool, error) {
		err := p.agent.call("held", nil, &o.left)
		return o.left.Goroutines <= o.idle.Goroutines && o.left.Descriptors <= o.idle.Descriptors, err
	})
	return p.agent.call("stop", nil, &o.stopped)
}

// until waits until done returns true or an error.
func until(most time.Duration, what string, done func() (bool, error)) error {
	for began := time.Now(); time.Since(began) < most; time.Sleep(50 * time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%v are over, and it is not so that %s", most, what)
}
