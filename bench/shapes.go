// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/load"
)

// shapeCell is one load of the matrix of shapes.
type shapeCell struct {
	load.Shape
	clients int
}

func (c shapeCell) String() string {
	return fmt.Sprintf("%s, %s, %s", c.Shape, rateName(c.Rate), clientsName(c.clients))
}

// compare orders cells by CPUs, rate, burst and clients.
func (c shapeCell) compare(o shapeCell) int {
	if order := c.Shape.Compare(o.Shape); order != 0 {
		return order
	}
	return c.clients - o.clients
}

// shapeResults are the figures of each round.
type shapeResults struct {
	agents matrix[shapeCell]
	floor  map[load.Shape][]figures
	wakeup []float64 // ns in the datapath

	scheduling map[int][]float64 // p99 in ns, by the number of clients
}

// The whole matrix.
var (
	allBursts  = []int{1, 10, 50, 200, 1000}
	allRates   = []int{200, 1000, 5000, 20000, 100000}
	allCPUs    = []int{1, 2}
	allClients = []int{1, 4, 16}
)

// usual tells whether a cell is in the part of the matrix that runs by default: all that the targets are
// about on one CPU, as far as bursts come often enough to measure many, and samples of the rest.
func usual(c shapeCell) bool {
	switch {
	case c.CPUs > 1:
		return c.clients == 4 && (c.Rate == 5000 || c.Rate == 20000) && (c.Burst == 1 || c.Burst == 50)
	case c.Rate == 100000:
		return c.clients == 4 && c.Burst != 10 && c.Burst != 200
	case c.clients == 16:
		return c.Rate == 20000
	case c.Rate == 200:
		return c.Burst <= 50
	default:
		return true
	}
}

// shapeMatrix is what a run measures of the matrix: the lists, where they are not empty, choose from all
// of it.
type shapeMatrix struct {
	full                         bool
	bursts, rates, cpus, clients []int
}

// cells returns the cells that are measured on a machine with that many CPUs, in order.
func (m shapeMatrix) cells(cpus int) (cells []shapeCell) {
	chosen := len(m.bursts)+len(m.rates)+len(m.cpus)+len(m.clients) > 0
	or := func(list, all []int) []int {
		if len(list) > 0 {
			return list
		}
		return all
	}
	for _, n := range or(m.cpus, allCPUs) {
		for _, rate := range or(m.rates, allRates) {
			for _, burst := range or(m.bursts, allBursts) {
				for _, clients := range or(m.clients, allClients) {
					c := shapeCell{load.Shape{Burst: burst, Rate: rate, CPUs: n}, clients}
					if n > 0 && n <= cpus && rate > 0 && burst > 0 && (chosen || m.full || usual(c)) {
						cells = append(cells, c)
					}
				}
			}
		}
	}
	slices.SortFunc(cells, shapeCell.compare)
	return slices.Compact(cells)
}

// fewestBursts on each CPU make a run.
const fewestBursts = 3

// runShapes measures all cells in each round, for each cell the agents in turns. Both agents run all the
// time: the one that has no events does nothing.
func (b *bench) runShapes() error {
	cells := b.opts.shapes.cells(b.floor.CPUs())
	if len(cells) == 0 {
		return errors.New("no load of that shape on this machine")
	}
	var clients []int
	for _, c := range cells {
		if !slices.Contains(clients, c.clients) {
			clients = append(clients, c.clients)
		}
	}
	slices.Sort(clients)
	for round := range b.opts.shapeRounds {
		wakeup, err := measureWakeup(b.floor, b.opts.window)
		if err != nil {
			return fmt.Errorf("a wake-up: %w", err)
		}
		b.results.shapes.wakeup = append(b.results.shapes.wakeup, wakeup)
		b.progress("round %d: a wake-up costs the datapath %.0f ns", round+1, wakeup)
		for _, n := range clients {
			scheduling, err := measureScheduling(n)
			if err != nil {
				return fmt.Errorf("scheduling %d clients: %w", n, err)
			}
			b.results.shapes.scheduling[n] = append(b.results.shapes.scheduling[n], scheduling)
			b.progress("round %d: scheduling %s takes %v at p99", round+1, clientsName(n), time.Duration(scheduling))
			err = b.withSessions(drain.Arg{Clients: n, Latency: true, TimeOffset: load.TimeOffset}, func(sessions map[string]*session) error {
				for _, c := range cells {
					if c.clients != n {
						continue
					}
					if err := b.runShape(c, sessions, round); err != nil {
						return fmt.Errorf("%s: %w", c, err)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// warmUpTime is for how long events come in that shape before what counts.
func warmUpTime(s load.Shape) time.Duration {
	return min(max(2*s.Interval(), 50*time.Millisecond), 300*time.Millisecond)
}

// runTime is for how long events come in that shape.
func (b *bench) runTime(s load.Shape) time.Duration {
	return max(b.opts.window, fewestBursts*s.Interval())
}

// runShape measures the floor of one cell, if it has not been in this round, and each agent.
func (b *bench) runShape(c shapeCell, sessions map[string]*session, round int) error {
	shapes := &b.results.shapes
	if len(shapes.floor[c.Shape]) <= round {
		f, err := b.measureShapeFloor(c.Shape, round)
		if err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		shapes.floor[c.Shape] = append(shapes.floor[c.Shape], f)
	}
	for _, agent := range b.opts.agents {
		f, err := b.measureShape(sessions[agent], b.agents[agent].emitter, c, round)
		if err != nil {
			return fmt.Errorf("%s: %w", agent, err)
		}
		b.results.silent[agent] += f.fate.silent()
		shapes.agents.add(agent, c, f)
		b.progress("%-13s round %d, %s: %s", agent, round+1, c, f.shapeText())
	}
	return nil
}

// measureShape measures one run. The arrivals are the same for all in a round.
func (b *bench) measureShape(s *session, emitter *load.Emitter, c shapeCell, round int) (figures, error) {
	seed := uint64(round)
	if _, err := emitter.RunShape(c.Shape, warmUpTime(c.Shape), seed); err != nil {
		return figures{}, err
	}
	var late float64
	f, err := measureLoad(s, emitter, func() (err error) {
		late, err = emitter.RunShape(c.Shape, b.runTime(c.Shape), seed)
		return err
	})
	f.Late = late
	return f, err
}

func (b *bench) measureShapeFloor(s load.Shape, round int) (f figures, err error) {
	err = withoutWakeups(b.floor, func() error {
		seed := uint64(round)
		if _, err := b.floor.RunShape(s, warmUpTime(s), seed); err != nil {
			return err
		}
		f, err = measureTax(b.floor, func() error {
			_, err := b.floor.RunShape(s, b.runTime(s), seed)
			return err
		})
		return err
	})
	return f, err
}

// shapeText is what a run of a shape tells while the bench goes on.
func (f *figures) shapeText() string {
	return fmt.Sprintf("%.0f/s, p50 %v p99 %v max %v, tax %.0f ns, CPU/event %.0f ns, %.0f %% of bursts late, %s", f.Rate,
		f.Latency.Quantile(.5), f.Latency.Quantile(.99), f.Latency.Quantile(1), f.Tax, f.CPUEvent, 100*f.Late, f.fate)
}

// withSessions calls f with all agents running.
func (b *bench) withSessions(arg drain.Arg, f func(map[string]*session) error) (err error) {
	sessions := map[string]*session{}
	defer func() {
		for _, s := range sessions {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, agent := range b.opts.agents {
		s, err := startSession(b.agents[agent], arg)
		if err != nil {
			return fmt.Errorf("%s: %w", agent, err)
		}
		sessions[agent] = s
	}
	return f(sessions)
}
