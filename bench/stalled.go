// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/bench/internal/drain"
)

const (
	stalledRate     = 10000
	stalledDuration = 10 // times that of a cost run
)

// stalledClients are the numbers of clients of which one reads: alone, for comparison, and as many as
// the agent takes by default.
var stalledClients = []int{1, agent.DefaultMaxClients}

// runStalled measures what the one client that reads loses, and how old its events are.
func (b *bench) runStalled() error {
	for range b.opts.rounds {
		for _, clients := range stalledClients {
			err := b.inTurns(1, stalledRate, clients, b.runStalledOnce)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) runStalledOnce(s setup) error {
	arg := drain.Arg{Clients: 1, Stalled: s.clients - 1, Latency: true}
	f, err := b.loaded(s, arg, stalledDuration*b.opts.duration)
	if err != nil {
		return err
	}
	b.results.stalled[s] = append(b.results.stalled[s], f)
	b.progress("%s, %d/s, %d clients that do not read: p50 %v p99 %v p99.9 %v max %v, %s",
		s.agent, s.rate, arg.Stalled, f.Latency.Quantile(.5), f.Latency.Quantile(.99),
		f.Latency.Quantile(.999), f.Latency.Quantile(1), f.fate)
	return nil
}

func (r *results) printStalled(w io.Writer) {
	for _, s := range sortedSetups(r.stalled) {
		of := fmt.Sprintf("%s, %d clients beside it do not read", rateName(s.rate), s.clients-1)
		rowOf(w, "events lost to the client that reads, "+of, r.stalled, s,
			func(f figures) float64 { return float64(f.fate.Expected - f.fate.Delivered) },
			count, false)
		for _, q := range []float64{.5, .99} {
			rowOf(w, fmt.Sprintf("latency p%.0f, %s", 100*q, of), r.stalled, s,
				func(f figures) float64 { return float64(f.Latency.Quantile(q)) }, micros, false)
		}
	}
}
