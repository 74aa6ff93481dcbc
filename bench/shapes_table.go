// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cilium/monitor/bench/internal/load"
)

// cells returns those that any agent was measured with, in order.
func (r *shapeResults) cells() []shapeCell {
	all := map[shapeCell]bool{}
	for _, runs := range r.agents {
		for c := range runs {
			all[c] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), shapeCell.compare)
}

// value returns the median of a figure, NaN if there is none.
func (r *shapeResults) value(agent string, c shapeCell, of func(figures) float64) float64 {
	return median(r.agents[agent][c], of)
}

func (r *shapeResults) floorOf(s load.Shape) float64 { return median(r.floor[s], tax) }

func (r *shapeResults) wakeupCost() float64 {
	return median(r.wakeup, func(ns float64) float64 { return ns })
}

// print writes a row for each cell.
func (r *shapeResults) print(w io.Writer) {
	fmt.Fprintf(w, "A wake-up costs the datapath %s. Each cell: this agent / Cilium's.\n\n"+
		"| shape | rate | clients | p50 | p99 | maximum | datapath tax (floor) | CPU per event | lost, reported or not |\n"+
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", cell(r.wakeupCost(), micros))
	for _, c := range r.cells() {
		pair := func(format func(float64) string, of func(figures) float64) string {
			return cell(r.value(ours, c, of), format) + " / " + cell(r.value(ciliums, c, of), format)
		}
		cells := []string{
			c.Shape.String(), rateName(c.Rate), fmt.Sprint(c.clients),
			pair(micros, p50), pair(micros, p99), pair(micros, maximum),
			fmt.Sprintf("%s (%s)", pair(micros, tax), cell(r.floorOf(c.Shape), micros)),
			pair(micros, cpuEvent), pair(percent, lost),
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}

// Figures by which loads are compared.
func tax(f figures) float64      { return f.Tax }
func cpuEvent(f figures) float64 { return f.CPUEvent }
func p50(f figures) float64      { return float64(f.Latency.Quantile(.5)) }
func p99(f figures) float64      { return float64(f.Latency.Quantile(.99)) }
func maximum(f figures) float64  { return float64(f.Latency.Quantile(1)) }
func lost(f figures) float64     { return 1 - float64(f.fate.Delivered)/float64(f.fate.Expected) }
