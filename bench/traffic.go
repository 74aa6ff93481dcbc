// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/traffic"
)

// trafficCell is a kind of traffic, by its place in traffic.Kinds, and how many clients there are.
type trafficCell struct{ kind, clients int }

func (c trafficCell) String() string {
	return traffic.Kinds[c.kind].Name + ", " + clientsName(c.clients)
}

func (c trafficCell) compare(o trafficCell) int {
	return cmp.Or(cmp.Compare(c.kind, o.kind), cmp.Compare(c.clients, o.clients))
}

// trafficResults are the figures of each round.
type trafficResults struct {
	agents matrix[trafficCell]
	floor  map[int][]figures // by kind
	unread map[int][]figures // by kind; with programs at the device, and nobody who reads
}

// trafficClients are the numbers of clients.
var trafficClients = []int{1, 4}

// runTraffic measures real packets, which programs at a device report.
func (b *bench) runTraffic() (err error) {
	pair, err := traffic.NewPair()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pair.Close()) }()
	for range b.opts.shapeRounds {
		for kind := range traffic.Kinds {
			if err := b.runTrafficFloor(pair, kind); err != nil {
				return fmt.Errorf("%s, the floor: %w", traffic.Kinds[kind].Name, err)
			}
		}
		for _, n := range trafficClients {
			err := b.withSessions(drain.Arg{Clients: n, Latency: true, TimeOffset: traffic.TimeOffset}, func(sessions map[string]*session) error {
				return b.runTrafficRound(pair, sessions, n)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// runTrafficRound has each agent see each kind of traffic.
func (b *bench) runTrafficRound(pair *traffic.Pair, sessions map[string]*session, clients int) error {
	taps := map[string]*traffic.Tap{}
	defer func() {
		for _, tap := range taps {
			tap.Close()
		}
	}()
	for agent, u := range b.agents {
		tap, err := traffic.NewTap(u.emitter)
		if err != nil {
			return err
		}
		taps[agent] = tap
	}
	for kind := range traffic.Kinds {
		for _, agent := range b.opts.agents {
			c := trafficCell{kind, clients}
			var sent float64
			f, err := measureLoad(sessions[agent], taps[agent], func() (err error) {
				sent, err = b.send(pair, taps[agent], kind)
				return err
			})
			if err != nil {
				return fmt.Errorf("%s, %s: %w", agent, c, err)
			}
			f.Throughput = sent
			b.results.silent[agent] += f.fate.silent()
			b.results.traffic.agents.add(agent, c, f)
			b.progress("%-13s %s: %.0f events/s, %.4g %s/s, p50 %v p99 %v max %v, tax %.0f ns, CPU/event %.0f ns, %s", agent, c, f.Rate, sent, traffic.Kinds[kind].Unit,
				f.Latency.Quantile(.5), f.Latency.Quantile(.99), f.Latency.Quantile(1), f.Tax, f.CPUEvent, f.fate)
		}
	}
	return nil
}

// runTrafficFloor measures traffic that a reader sees that is never woken, and then traffic that nobody sees.
func (b *bench) runTrafficFloor(pair *traffic.Pair, kind int) (err error) {
	tap, err := traffic.NewTap(b.floor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tap.Close()) }()
	results := &b.results.traffic
	measure := func(to map[int][]figures) error {
		var sent float64
		f, err := measureTax(tap, func() (err error) {
			sent, err = b.send(pair, tap, kind)
			return err
		})
		f.Throughput = sent
		to[kind] = append(to[kind], f)
		return err
	}
	if err := withoutWakeups(b.floor, func() error { return measure(results.floor) }); err != nil {
		return err
	}
	return measure(results.unread)
}

// send sends traffic through the pair while the tap reports it, and returns how much in a second.
func (b *bench) send(pair *traffic.Pair, tap *traffic.Tap, kind int) (sent float64, err error) {
	err = tap.While(pair.Device, func() error {
		n, err := traffic.Kinds[kind].Run(pair, b.opts.window)
		sent = float64(n) / b.opts.window.Seconds()
		return err
	})
	return sent, err
}

// print writes a row for each kind and number of clients.
func (r *trafficResults) print(w io.Writer) {
	fmt.Fprintln(w, "Each cell: this agent / Cilium's.\n\n"+
		"| traffic | clients | throughput (nobody reads) | events per s | p50 | p99 | maximum | datapath tax (floor) | CPU per event | reported lost | silently lost |\n"+
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, c := range r.agents.cells(trafficCell.compare) {
		pair := func(format func(float64) string, of func(figures) float64) string {
			return r.agents.pair(c, format, of)
		}
		kind := traffic.Kinds[c.kind]
		amount := perSecond
		if kind.Unit == "bytes" {
			amount = gigabits
		}
		cells := []string{
			kind.Name, fmt.Sprint(c.clients),
			fmt.Sprintf("%s (%s)", pair(amount, throughput), cell(median(r.unread[c.kind], throughput), amount)),
			pair(perSecond, rate), pair(micros, p50), pair(micros, p99), pair(micros, maximum),
			fmt.Sprintf("%s (%s)", pair(micros, tax), cell(median(r.floor[c.kind], tax), micros)),
			pair(micros, cpuEvent), pair(percent, reported), pair(percent, silent),
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

func gigabits(bytesPerSecond float64) string { return fmt.Sprintf("%.1f Gbit/s", 8*bytesPerSecond/1e9) }
