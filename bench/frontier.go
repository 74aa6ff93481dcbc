// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/load"
)

// frontierCells are the loads by which a delay is chosen: those that most nodes have, and more.
var frontierCells = []shapeCell{
	{load.Shape{Burst: 1, Rate: 1000, CPUs: 1}, 4},
	{load.Shape{Burst: 1, Rate: 5000, CPUs: 1}, 4},
	{load.Shape{Burst: 10, Rate: 5000, CPUs: 1}, 4},
	{load.Shape{Burst: 50, Rate: 5000, CPUs: 1}, 4},
	{load.Shape{Burst: 1, Rate: 20000, CPUs: 1}, 4},
}

// frontier has the figures of each round by load, of this project's agent by its --monitor-max-delay.
type frontier map[time.Duration]map[shapeCell][]figures

// runFrontier measures what latency costs which CPU.
func (b *bench) runFrontier() error {
	u, ok := b.agents[ours]
	if !ok {
		return fmt.Errorf("%s is not among the agents", ours)
	}
	for round := range b.opts.shapeRounds {
		for _, delay := range b.opts.delays {
			if b.results.frontier[delay] == nil {
				b.results.frontier[delay] = map[shapeCell][]figures{}
			}
			slower := *u
			slower.args = slices.Concat(u.args, []string{maxDelayFlag(delay)})
			err := inSession(&slower, drain.Arg{Clients: 4, Latency: true, TimeOffset: load.TimeOffset}, func(s *session) error {
				for _, c := range frontierCells {
					f, err := b.measureShape(s, u.emitter, c, round)
					if err != nil {
						return fmt.Errorf("%s: %w", c, err)
					}
					b.results.silent[ours] += f.fate.silent()
					b.results.frontier[delay][c] = append(b.results.frontier[delay][c], f)
					b.progress("at most %v, round %d, %s: %s", delay, round+1, c, f.shapeText())
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("with %s: %w", maxDelayFlag(delay), err)
			}
		}
	}
	return nil
}

func maxDelayFlag(d time.Duration) string { return "--monitor-max-delay=" + d.String() }

// print writes a row for each delay.
func (r frontier) print(w io.Writer) {
	fmt.Fprintln(w, "4 clients. Each cell: p99 of the latency, agent CPU per event, datapath tax.")
	fmt.Fprint(w, "\n| at most |")
	for _, c := range frontierCells {
		fmt.Fprintf(w, " %s, %s |", c.Shape, rateName(c.Rate))
	}
	fmt.Fprintf(w, "\n| ---: |%s\n", strings.Repeat(" ---: |", len(frontierCells)))
	delays := make([]time.Duration, 0, len(r))
	for delay := range r {
		delays = append(delays, delay)
	}
	slices.Sort(delays)
	for _, delay := range delays {
		fmt.Fprintf(w, "| %v |", delay)
		for _, c := range frontierCells {
			runs := r[delay][c]
			fmt.Fprintf(w, " %s, %s, %s |", cell(median(runs, p99), micros), cell(median(runs, cpuEvent), micros), cell(median(runs, tax), micros))
		}
		fmt.Fprintln(w)
	}
}
