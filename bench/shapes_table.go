// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/cilium/monitor/bench/internal/load"
)

func (r *shapeResults) floorOf(s load.Shape) float64 { return median(r.floor[s], tax) }

func (r *shapeResults) wakeupCost() float64 {
	return median(r.wakeup, func(ns float64) float64 { return ns })
}

// rateOf names the rate of a load, with what was emitted in fact if that is another rate.
func (r *shapeResults) rateOf(c shapeCell) string {
	const tolerance = 0.03
	for _, agent := range []string{ours, ciliums} {
		if math.Abs(r.agents.value(agent, c, rate)/float64(c.Rate)-1) > tolerance {
			return fmt.Sprintf("%s (%s)", rateName(c.Rate), r.agents.pair(c, perSecond, rate))
		}
	}
	return rateName(c.Rate)
}

// print writes a row for each load.
func (r *shapeResults) print(w io.Writer) {
	fmt.Fprintf(w, "A wake-up costs the datapath %s. Each cell: this agent / Cilium's.\n\n"+
		"| shape | rate | clients | p50 | p99 | maximum | datapath tax (floor) | CPU per event | reported lost | silently lost |\n"+
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n", cell(r.wakeupCost(), micros))
	for _, c := range r.agents.cells(shapeCell.compare) {
		pair := func(format func(float64) string, of func(figures) float64) string {
			return r.agents.pair(c, format, of)
		}
		cells := []string{
			c.Shape.String(), r.rateOf(c), fmt.Sprint(c.clients),
			pair(micros, p50), pair(micros, p99), pair(micros, maximum),
			fmt.Sprintf("%s (%s)", pair(micros, tax), cell(r.floorOf(c.Shape), micros)),
			pair(micros, cpuEvent), pair(percent, reported), pair(percent, silent),
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
	}
}
