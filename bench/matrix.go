// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"slices"
)

// matrix has the figures of each round, by agent and load.
type matrix[C comparable] map[string]map[C][]figures

func (m matrix[C]) add(agent string, c C, f figures) {
	if m[agent] == nil {
		m[agent] = map[C][]figures{}
	}
	m[agent][c] = append(m[agent][c], f)
}

// value returns the median of a figure, NaN if there is none.
func (m matrix[C]) value(agent string, c C, of func(figures) float64) float64 {
	return median(m[agent][c], of)
}

// cells returns the loads that any agent had, in order.
func (m matrix[C]) cells(compare func(a, b C) int) []C {
	all := map[C]bool{}
	for _, runs := range m {
		for c := range runs {
			all[c] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), compare)
}

// pair formats the figures of both agents.
func (m matrix[C]) pair(c C, format func(float64) string, of func(figures) float64) string {
	return cell(m.value(ours, c, of), format) + " / " + cell(m.value(ciliums, c, of), format)
}

// Figures by which loads are compared.
func tax(f figures) float64      { return f.Tax }
func cpuEvent(f figures) float64 { return f.CPUEvent }
func p50(f figures) float64      { return float64(f.Latency.Quantile(.5)) }
func p99(f figures) float64      { return float64(f.Latency.Quantile(.99)) }
func maximum(f figures) float64  { return float64(f.Latency.Quantile(1)) }
func reported(f figures) float64 {
	return float64(f.fate.LostKernel+f.fate.LostQueue) / float64(f.fate.Expected)
}
func silent(f figures) float64     { return float64(f.fate.silent()) / float64(f.fate.Expected) }
func rate(f figures) float64       { return f.Rate }
func throughput(f figures) float64 { return f.Throughput }
