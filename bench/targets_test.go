// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/bench/internal/drain"
	"github.com/cilium/monitor/bench/internal/load"
)

// measured returns figures of which all latencies are the same.
func measured(latency time.Duration, cpu, tax float64) figures {
	h := drain.Histogram{}
	h.Add(latency)
	return figures{Latency: h, CPUEvent: cpu, Tax: tax}
}

func emptyResults() *results {
	return &results{silent: map[string]int64{}, shapes: shapeResults{
		agents: matrix[shapeCell]{}, floor: map[load.Shape][]figures{}, scheduling: map[int][]float64{},
	}}
}

func bursts(burst, rate, clients int) shapeCell {
	return shapeCell{load.Shape{Burst: burst, Rate: rate, CPUs: 1}, clients}
}

func TestLatencyTarget(t *testing.T) {
	const scheduling = float64(100 * time.Microsecond)
	for _, tt := range []struct {
		what         string
		our, cilium  time.Duration
		cell         shapeCell
		met, ofCases int
	}{
		{"as late as half a millisecond and a client", 580 * time.Microsecond, 100 * time.Microsecond, bursts(1, 5000, 1), 1, 1},
		{"later", 640 * time.Microsecond, 100 * time.Microsecond, bursts(1, 5000, 1), 0, 1},
		{"later, and so is Cilium's", 3 * time.Millisecond, 3 * time.Millisecond, bursts(1, 5000, 1), 1, 1},
		{"beyond the rate", time.Second, time.Millisecond, bursts(1, 100000, 1), 0, 0},
		{"too many clients", time.Second, time.Millisecond, bursts(1, 5000, 16), 0, 0},
	} {
		r := emptyResults()
		r.shapes.scheduling[1] = []float64{scheduling}
		r.shapes.agents.add(ours, tt.cell, measured(tt.our, 1, 1))
		r.shapes.agents.add(ciliums, tt.cell, measured(tt.cilium, 1, 1))
		got := r.latencyTarget()
		require.Len(t, got.cases, tt.ofCases, tt.what)
		require.Equal(t, tt.met, got.met(), tt.what)
	}
}

func TestCPUTargetIsAboutItsLoads(t *testing.T) {
	r := emptyResults()
	for _, c := range []shapeCell{bursts(1, 200, 1), bursts(1, 1000, 1), bursts(50, 5000, 4), bursts(50, 5000, 16), bursts(1, 20000, 1)} {
		r.shapes.agents.add(ours, c, measured(1, 10, 1))
		r.shapes.agents.add(ciliums, c, measured(1, 30, 1))
	}
	r.shapes.agents.add(ours, bursts(10, 1000, 1), measured(1, 11, 1))
	r.shapes.agents.add(ciliums, bursts(10, 1000, 1), measured(1, 30, 1))
	got := r.cpuTarget("", 1000, 5000, []int{1, 4}, 3)
	require.Len(t, got.cases, 3)
	require.Equal(t, 2, got.met())
	require.Equal(t, "bursts of 10, 1k/s, 1 client", got.worst().where)
	require.InDelta(t, 1.1, got.worst().share, 1e-9)
}

func TestTaxTargetsAllowOneWakeupABurst(t *testing.T) {
	r := emptyResults()
	r.shapes.wakeup = []float64{10000}
	limits := map[shapeCell]float64{
		bursts(1, 20000, 1):  1.5 * 200,
		bursts(50, 200, 1):   1.5 * (200 + 10000/50),
		bursts(1000, 200, 1): 1.5 * (200 + 10000/1000),
	}
	for c, limit := range limits {
		r.shapes.floor[c.Shape] = []figures{measured(0, 0, 200)}
		r.shapes.agents.add(ours, c, measured(1, 1, limit))
	}
	r.shapes.agents.add(ours, bursts(1, 5000, 1), measured(1, 1, 1e9))  // even, not so many
	r.shapes.agents.add(ours, bursts(10, 5000, 1), measured(1, 1, 1e9)) // smaller bursts
	targets := r.taxTargets()
	require.Len(t, targets[0].cases, 1)
	require.Len(t, targets[1].cases, 2)
	for _, target := range targets {
		for _, c := range target.cases {
			require.InDelta(t, 1, c.share, 1e-9, c.where)
		}
	}
}

func TestLossFreeTargetIsALeast(t *testing.T) {
	r := emptyResults()
	at := func(rate float64) []lossFreeFigures { return []lossFreeFigures{{Rate: rate}} }
	r.lossFree = map[setup][]lossFreeFigures{{ours, 0, 4}: at(1200), {ciliums, 0, 4}: at(100)}
	got := r.lossFreeTarget()
	require.Equal(t, 1, got.met())
	r.lossFree[setup{ours, 0, 4}] = at(600)
	got = r.lossFreeTarget()
	require.Zero(t, got.met())
	require.InDelta(t, 2, got.worst().share, 1e-9)
}

func TestSilentLossMissesItsTarget(t *testing.T) {
	r := emptyResults()
	r.silent[ours] = 0
	got := r.silentTarget()
	require.Equal(t, 1, got.met())
	r.silent[ours] = 1
	got = r.silentTarget()
	require.Zero(t, got.met())
	require.True(t, math.IsInf(got.worst().share, 1))
}

func TestTargetsThatWereNotMeasuredAreNotMet(t *testing.T) {
	targets := append(emptyResults().shapeTargets(), emptyResults().otherTargets()...)
	require.NotEmpty(t, targets)
	var out strings.Builder
	printTargets(&out, targets)
	require.Equal(t, len(targets), strings.Count(out.String(), "| not measured |"))
}

func TestTargetRowTellsTheWorstLoad(t *testing.T) {
	var tt target
	tt.what = "small"
	tt.atMost("here", 1, 2, number)
	tt.atMost("there", 3, 2, number)
	tt.atMost("nowhere", math.NaN(), 2, number)
	var out strings.Builder
	printTargets(&out, []target{tt})
	require.Contains(t, out.String(), "| small | **missed** | 1 of 2 | 1.50 x | there: 3.00, limit 2.00 |\n")
}
