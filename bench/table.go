// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cilium/monitor/bench/internal/load"
)

// median returns the median over the rounds of one figure, NaN without rounds.
func median[T any](runs []T, of func(T) float64) float64 {
	if len(runs) == 0 {
		return math.NaN()
	}
	values := make([]float64, 0, len(runs))
	for _, r := range runs {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// printHeadline writes one row for each thing to know of even loads.
func (r *results) printHeadline(w io.Writer) {
	fmt.Fprintf(w, "Emitted on CPU 0 in bursts every %v on average, one by one below %d/s.\n\n", load.Tick, time.Second/load.Tick)
	fmt.Fprintln(w, "| | this agent | Cilium's | ratio |\n| --- | ---: | ---: | ---: |")
	for _, s := range r.costSetups() {
		if s.clients == 4 {
			floor := median(r.floor[s.rate], func(f figures) float64 { return f.Tax })
			rowOf(w, fmt.Sprintf("datapath tax per event, %s (floor: %s)", s, micros(floor)), r.cost, s,
				func(f figures) float64 { return f.Tax }, micros, false)
		}
	}
	for _, s := range r.costSetups() {
		if s.rate == 20000 {
			rowOf(w, "agent CPU per event, "+s.String(), r.cost, s, func(f figures) float64 { return f.CPUEvent }, micros, false)
		}
	}
	r.printLossFree(w)
	if len(r.silent) > 0 {
		silent := func(agent string) float64 {
			if n, ok := r.silent[agent]; ok {
				return float64(n)
			}
			return math.NaN()
		}
		row(w, "events lost without a word, in all runs", silent(ours), silent(ciliums),
			count, false)
	}
	for _, s := range sortedSetups(r.latency) {
		for _, q := range []float64{.5, .99} {
			rowOf(w, fmt.Sprintf("latency p%.0f, %s", 100*q, s), r.latency, s,
				func(f figures) float64 { return float64(f.Latency.Quantile(q)) }, micros, false)
		}
	}
	r.printStalled(w)
	for _, s := range sortedSetups(r.idle) {
		rowOf(w, "CPU subscribed and idle", r.idle, s, func(f idleFigures) float64 { return f.CPU }, idleShare, false)
	}
	if s, ok := r.busiest(16); ok {
		rowOf(w, "heap allocations per event, "+s.String(), r.cost, s, func(f figures) float64 { return f.AllocsEvent }, number, false)
	}
	for _, s := range r.costSetups() {
		if s.clients == 16 && (s.rate == 20000 || s.rate == 0) {
			rowOf(w, "peak memory, "+s.String(), r.cost, s, func(f figures) float64 { return f.PeakMemory }, megabytes, false)
			rowOf(w, "memory after it (PSS), "+s.String(), r.cost, s, func(f figures) float64 { return f.Proportional }, megabytes, false)
		}
	}
	for _, s := range sortedSetups(r.send) {
		rowOf(w, "SendEvent, "+clientsName(s.clients), r.send, s, func(f sendFigures) float64 { return f.Wall }, micros, false)
		rowOf(w, "SendEvent and its delivery, agent CPU, "+clientsName(s.clients), r.send, s, func(f sendFigures) float64 { return f.CPU }, micros, false)
		rowOf(w, "SendEvent, heap allocations, "+clientsName(s.clients), r.send, s, func(f sendFigures) float64 { return f.Allocs }, number, false)
	}
}

// printCost writes every cost run: this agent's figure, then Cilium's.
func (r *results) printCost(w io.Writer) {
	fmt.Fprintln(w, "Each cell: this agent / Cilium's.\n\n"+
		"| load | clients | emitted per s | datapath tax (floor) | CPU per event | CPU per delivery | peak memory | delivered | reported lost | silently lost |\n"+
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, s := range r.costSetups() {
		pair := func(format func(float64) string, of func(figures) float64) string {
			cells := make([]string, 0, 2)
			for _, agent := range []string{ours, ciliums} {
				cells = append(cells, cell(median(r.cost[setup{agent, s.rate, s.clients}], of), format))
			}
			return strings.Join(cells, " / ")
		}
		share := func(of func(fate) int64) string {
			return pair(percent, func(f figures) float64 { return float64(of(f.fate)) / float64(f.fate.Expected) })
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s (%s) | %s | %s | %s | %s | %s | %s |\n", rateName(s.rate), s.clients,
			pair(perSecond, func(f figures) float64 { return f.Rate }),
			pair(micros, func(f figures) float64 { return f.Tax }),
			micros(median(r.floor[s.rate], func(f figures) float64 { return f.Tax })),
			pair(micros, func(f figures) float64 { return f.CPUEvent }),
			pair(micros, func(f figures) float64 { return f.CPUDelivery }),
			pair(megabytes, func(f figures) float64 { return f.PeakMemory }),
			share(func(f fate) int64 { return int64(f.Delivered) }),
			share(func(f fate) int64 { return int64(f.LostKernel + f.LostQueue) }),
			share(fate.silent))
	}
}

// rowOf writes the row of a figure of both agents.
func rowOf[T any](w io.Writer, label string, runs map[setup][]T, s setup, of func(T) float64, format func(float64) string, higherIsBetter bool) {
	value := func(agent string) float64 { return median(runs[setup{agent, s.rate, s.clients}], of) }
	row(w, label, value(ours), value(ciliums), format, higherIsBetter)
}

// row writes both values, if there are any, and how many times better this agent's is.
func row(w io.Writer, label string, our, cilium float64, format func(float64) string, higherIsBetter bool) {
	if math.IsNaN(our) && math.IsNaN(cilium) {
		return
	}
	ratio := ""
	better, worse := cilium, our
	if higherIsBetter {
		better, worse = our, cilium
	}
	if better > 0 && worse > 0 && format(worse) != format(0) {
		ratio = fmt.Sprintf("%.2g x", better/worse)
		if better/worse >= 99.5 {
			ratio = fmt.Sprintf("%.0f x", better/worse)
		}
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s |\n", label, cell(our, format), cell(cilium, format), ratio)
}

// cell formats a figure that may be missing.
func cell(v float64, format func(float64) string) string {
	if math.IsNaN(v) {
		return "-"
	}
	return format(v)
}

// sortedSetups returns the setups of either agent, without the agent, flat out last.
func sortedSetups[T any](runs map[setup][]T) []setup {
	var all []setup
	for s := range runs {
		s.agent = ""
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b setup) int {
		// As unsigned, 0 less 1 is the largest rate.
		return cmp.Or(cmp.Compare(uint(a.rate)-1, uint(b.rate)-1), cmp.Compare(a.clients, b.clients))
	})
	return all
}

func (r *results) costSetups() []setup { return sortedSetups(r.cost) }

// busiest returns the cost setup with that many clients and the highest rate
// that is kept to.
func (r *results) busiest(clients int) (found setup, ok bool) {
	for _, s := range r.costSetups() {
		if s.clients == clients && s.rate > 0 {
			found, ok = s, true
		}
	}
	return found, ok
}

func (s setup) String() string { return rateName(s.rate) + ", " + clientsName(s.clients) }

func rateName(rate int) string {
	switch {
	case rate == 0:
		return "flat out"
	case rate%1000 == 0:
		return fmt.Sprintf("%dk/s", rate/1000)
	}
	return fmt.Sprintf("%d/s", rate)
}

func clientsName(n int) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}

// micros formats nanoseconds as microseconds.
func micros(ns float64) string {
	if ns < 10000 {
		return fmt.Sprintf("%.2f µs", ns/1e3)
	}
	return fmt.Sprintf("%.0f µs", ns/1e3)
}

func number(v float64) string    { return fmt.Sprintf("%.2f", v) }
func megabytes(v float64) string { return fmt.Sprintf("%.1f MB", v/1e6) }

// percent formats a share of 1, so that only nothing is 0 and only all is 100.
func percent(v float64) string {
	switch {
	case v == 0 || v == 1:
		return fmt.Sprintf("%.0f %%", 100*v)
	case v > 0 && v < .0001:
		return "< 0.01 %"
	case v > .9999:
		return "> 99.99 %"
	}
	return fmt.Sprintf("%.2f %%", 100*v)
}

func perSecond(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.0f/s", v)
	}
	if v < 10000 {
		return fmt.Sprintf("%.2fk/s", v/1e3)
	}
	return fmt.Sprintf("%.0fk/s", v/1e3)
}
