// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/load"
	"github.com/cilium/monitor/bpf"
)

// The agents, by the name of their package.
const (
	ours    = "monitor-agent"
	ciliums = "cilium-agent"
)

// underTest is an agent, which has a datapath of its own, so that both can run at the same time.
type underTest struct {
	binary  string
	args    []string
	socket  string
	emitter *load.Emitter
}

// bench runs the sections and collects their results.
type bench struct {
	opts    options
	dir     string // of the binaries
	agents  map[string]*underTest
	floor   *load.Emitter // into an events map that no agent reads
	results results
}

// setup is what a run was made with.
type setup struct {
	agent         string
	rate, clients int
}

// results of the runs, one of each round.
type results struct {
	floor    map[int][]figures // by rate
	cost     map[setup][]figures
	latency  map[setup][]figures
	stalled  map[setup][]figures // of the one client that reads
	idle     map[setup][]idleFigures
	send     map[setup][]sendFigures
	lossFree map[setup][]lossFreeFigures
	shapes   shapeResults
	traffic  trafficResults
	frontier frontier
	demand   demandResults
	hubble   hubbleResults
	silent   map[string]int64 // events lost silently in all runs, by agent
}

// newBench prepares to run the agents, whose binaries are in dir.
func newBench(opts options, dir string) (_ *bench, err error) {
	b := &bench{opts: opts, dir: dir, agents: map[string]*underTest{}, results: results{
		floor:    map[int][]figures{},
		cost:     map[setup][]figures{},
		latency:  map[setup][]figures{},
		stalled:  map[setup][]figures{},
		idle:     map[setup][]idleFigures{},
		send:     map[setup][]sendFigures{},
		lossFree: map[setup][]lossFreeFigures{},
		shapes:   shapeResults{agents: matrix[shapeCell]{}, floor: map[load.Shape][]figures{}, scheduling: map[int][]float64{}},
		traffic:  trafficResults{agents: matrix[trafficCell]{}, floor: map[int][]figures{}, unread: map[int][]figures{}},
		frontier: frontier{},
		hubble:   hubbleResults{agents: map[string][]hubbleFigures{}},
		silent:   map[string]int64{},
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.floor, err = load.New(filepath.Join(filepath.Dir(agentproc.EventsMapPath), "floor_events"), 0); err != nil {
		return nil, err
	}
	if opts.hubble() { // which has a datapath of its own
		return b, nil
	}
	for _, name := range opts.agents {
		// Cilium's code tells by the name of the binary that the events map is under the default root.
		ringBufferSize := 0
		u, eventsMap := &underTest{binary: filepath.Join(dir, name), socket: agentproc.SocketPath}, agentproc.EventsMapPath
		if name == ours {
			eventsMap = filepath.Join(filepath.Dir(eventsMap), "monitor_events")
			u.socket = filepath.Join(filepath.Dir(u.socket), "monitor.sock")
			u.args = []string{"--monitor-events-map=" + eventsMap, "--monitor-socket-path=" + u.socket}
			if opts.maxDelay > 0 {
				u.args = append(u.args, maxDelayFlag(opts.maxDelay))
			}
			if opts.ringbuf {
				ringBufferSize = bpf.DefaultRingBufferSize()
			}
		}
		if u.emitter, err = load.New(eventsMap, ringBufferSize); err != nil {
			return nil, err
		}
		b.agents[name] = u
	}
	return b, nil
}

func (b *bench) close() (err error) {
	for _, u := range b.agents {
		err = errors.Join(err, u.emitter.Close())
	}
	if b.floor != nil {
		err = errors.Join(err, b.floor.Close())
	}
	return err
}

// run runs the chosen sections.
func (b *bench) run() error {
	for _, section := range []struct {
		name string
		run  func() error
	}{
		{"cost", b.runCost}, {"latency", b.runLatency}, {"stalled", b.runStalled}, {"lossfree", b.runLossFree},
		{"idle", b.runIdle}, {"send", b.runSend}, {"shapes", b.runShapes}, {"traffic", b.runTraffic}, {"frontier", b.runFrontier},
		{"demand", b.runDemand}, {hubbleSection, b.runHubble},
	} {
		if !slices.Contains(b.opts.only, section.name) {
			continue
		}
		start := time.Now()
		if err := section.run(); err != nil {
			return fmt.Errorf("%s: %w", section.name, err)
		}
		b.progress("%s took %v", section.name, time.Since(start).Round(time.Second))
	}
	return nil
}

func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// inTurns calls f for each agent in each round, so that whatever else the
// machine does meets both.
func (b *bench) inTurns(rounds, rate, clients int, f func(setup) error) error {
	for range rounds {
		for _, agent := range b.opts.agents {
			if err := f(setup{agent, rate, clients}); err != nil {
				return fmt.Errorf("%s, rate %d, %d clients: %w", agent, rate, clients, err)
			}
		}
	}
	return nil
}

// runCost measures what events cost the datapath and the agent.
func (b *bench) runCost() error {
	for _, rate := range b.opts.costRates {
		for range b.opts.rounds {
			f, err := measureFloor(b.floor, float64(rate), b.opts.duration)
			if err != nil {
				return fmt.Errorf("floor, rate %d: %w", rate, err)
			}
			b.results.floor[rate] = append(b.results.floor[rate], f)
			b.progress("floor, rate %d: %.0f/s, %.0f ns an event", rate, f.Rate, f.Tax)
		}
		for _, clients := range b.opts.costClients {
			err := b.inTurns(b.opts.rounds, rate, clients, func(s setup) error {
				f, err := b.loaded(s, drain.Arg{Clients: clients}, b.opts.duration)
				if err != nil {
					return err
				}
				b.results.cost[s] = append(b.results.cost[s], f)
				b.progress("%s, rate %d, %d clients: %.0f/s, tax %.0f ns, CPU/event %.0f ns, CPU/delivery %.0f ns, %.2f allocs, peak %.1f MB, %s",
					s.agent, rate, clients, f.Rate, f.Tax, f.CPUEvent, f.CPUDelivery, f.AllocsEvent, f.PeakMemory/1e6, f.fate)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// runLatency measures the age of events when a client has decoded them.
func (b *bench) runLatency() error {
	for _, rate := range latencyRates {
		d := 2 * b.opts.duration
		if rate < 1000 { // that many events take their time
			d = max(d, b.opts.slow)
		}
		for _, clients := range latencyClients {
			err := b.inTurns(b.opts.rounds, rate, clients, func(s setup) error {
				f, err := b.loaded(s, drain.Arg{Clients: clients, Latency: true}, d)
				if err != nil {
					return err
				}
				b.results.latency[s] = append(b.results.latency[s], f)
				b.progress("%s, rate %d, %d clients: p50 %v p90 %v p99 %v p99.9 %v max %v, CPU/event %.0f ns, %s",
					s.agent, rate, clients, f.Latency.Quantile(.5), f.Latency.Quantile(.9), f.Latency.Quantile(.99),
					f.Latency.Quantile(.999), f.Latency.Quantile(1), f.CPUEvent, f.fate)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

var (
	latencyRates   = []int{20, 20000}
	latencyClients = []int{1, 4}
)

// loaded is one run with an agent process of its own.
func (b *bench) loaded(st setup, arg drain.Arg, d time.Duration) (f figures, err error) {
	err = b.withSession(st, arg, func(s *session) error {
		f, err = measure(s, b.agents[st.agent].emitter, float64(st.rate), d)
		b.results.silent[st.agent] += f.fate.silent()
		return err
	})
	return f, err
}

func (b *bench) withSession(st setup, arg drain.Arg, f func(*session) error) error {
	arg.TimeOffset = load.TimeOffset
	return inSession(b.agents[st.agent], arg, f)
}

// inSession calls f while the agent runs.
func inSession(u *underTest, arg drain.Arg, f func(*session) error) error {
	s, err := startSession(u, arg)
	if err != nil {
		return err
	}
	err = f(s)
	if stopErr := s.stop(); err == nil {
		err = stopErr
	}
	return err
}
