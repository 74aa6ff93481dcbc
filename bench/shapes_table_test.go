// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/bench/internal/load"
)

func TestShapeRowsHaveBothAgents(t *testing.T) {
	r := emptyResults()
	c := bursts(50, 5000, 4)
	for agent, latency := range map[string]time.Duration{ours: 32 * time.Microsecond, ciliums: 64 * time.Microsecond} {
		f := measured(latency, 2000, 300)
		f.Rate, f.fate = 5000, fate{Expected: 100, Delivered: 90, LostKernel: 2, LostQueue: 3}
		r.shapes.agents.add(agent, c, f)
	}
	r.shapes.floor[c.Shape] = []figures{{Tax: 200}}
	r.shapes.wakeup = []float64{9000}
	var out strings.Builder
	r.shapes.print(&out)
	require.Contains(t, out.String(), "A wake-up costs the datapath 9.00 µs.")
	// The histogram knows latencies to 3 %.
	require.Contains(t, out.String(), "| bursts of 50 | 5k/s | 4 | 32 µs / 65 µs | 32 µs / 65 µs | 32 µs / 65 µs |"+
		" 0.30 µs / 0.30 µs (0.20 µs) | 2.00 µs / 2.00 µs | 5.00 % / 5.00 % | 5.00 % / 5.00 % |\n")
}

func TestShapeRowsTellWhatTheRateWas(t *testing.T) {
	r := emptyResults()
	c := bursts(1, 20000, 1)
	r.shapes.agents.add(ours, c, figures{Rate: 20100})
	require.Equal(t, "20k/s", r.shapes.rateOf(c))
	r.shapes.agents.add(ciliums, c, figures{Rate: 15000})
	require.Equal(t, "20k/s (20k/s / 15k/s)", r.shapes.rateOf(c))
}

func TestMatrixHasTheLoadsOfBothAgents(t *testing.T) {
	m := matrix[shapeCell]{}
	m.add(ciliums, bursts(50, 20000, 1), figures{})
	m.add(ours, bursts(50, 5000, 4), figures{})
	m.add(ours, bursts(50, 5000, 1), figures{})
	m.add(ours, bursts(1, 5000, 4), figures{})
	m.add(ours, shapeCell{load.Shape{Burst: 1, Rate: 200, CPUs: 2}, 1}, figures{})
	m.add(ciliums, bursts(50, 5000, 1), figures{})
	require.Equal(t, []shapeCell{
		bursts(1, 5000, 4), bursts(50, 5000, 1), bursts(50, 5000, 4), bursts(50, 20000, 1),
		{load.Shape{Burst: 1, Rate: 200, CPUs: 2}, 1},
	}, m.cells(shapeCell.compare))
}

func TestFrontierRowsAreInOrderOfDelay(t *testing.T) {
	r := frontier{}
	for i, delay := range []time.Duration{time.Millisecond, 500 * time.Microsecond} {
		r[delay] = map[shapeCell][]figures{frontierCells[0]: {measured(0, 1000*float64(i+1), 100)}}
	}
	var out strings.Builder
	r.print(&out)
	require.Contains(t, out.String(), "| 500µs | 0.00 µs, 2.00 µs, 0.10 µs |"+strings.Repeat(" -, -, - |", len(frontierCells)-1)+
		"\n| 1ms | 0.00 µs, 1.00 µs, 0.10 µs |")
}
