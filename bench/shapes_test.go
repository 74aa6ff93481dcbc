// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/bench/internal/load"
)

func TestFullMatrixHasAllCells(t *testing.T) {
	require.Len(t, shapeMatrix{full: true}.cells(2), 5*5*2*3)
	require.Len(t, shapeMatrix{full: true}.cells(1), 5*5*1*3, "a machine with one CPU")
}

func TestUsualMatrixHasWhatTheTargetsAreAbout(t *testing.T) {
	cells := shapeMatrix{}.cells(2)
	for _, rate := range []int{1000, 5000, 20000} {
		for _, burst := range allBursts {
			for _, clients := range []int{1, 4} {
				require.Contains(t, cells, shapeCell{load.Shape{Burst: burst, Rate: rate, CPUs: 1}, clients})
			}
		}
	}
	for _, burst := range allBursts {
		require.Contains(t, cells, shapeCell{load.Shape{Burst: burst, Rate: 20000, CPUs: 1}, 16})
	}
	require.True(t, slices.ContainsFunc(cells, func(c shapeCell) bool { return c.CPUs == 2 }))
	require.False(t, slices.ContainsFunc(cells, func(c shapeCell) bool { return c.Interval() > time.Second }), "that takes too long")
}

func TestListsChooseFromTheWholeMatrix(t *testing.T) {
	m := shapeMatrix{bursts: []int{1000, 5}, rates: []int{200, 0}, cpus: []int{2, 3}, clients: []int{1}}
	require.Equal(t, []shapeCell{
		{load.Shape{Burst: 5, Rate: 200, CPUs: 2}, 1},
		{load.Shape{Burst: 1000, Rate: 200, CPUs: 2}, 1},
	}, m.cells(2), "a rate of 0 has no shape, and there are two CPUs")
}

func TestCellsSayWhatTheyAre(t *testing.T) {
	require.Equal(t, "even, 5k/s, 1 client", shapeCell{load.Shape{Burst: 1, Rate: 5000, CPUs: 1}, 1}.String())
	require.Equal(t, "bursts of 50 on 2 CPUs, 200/s, 4 clients", shapeCell{load.Shape{Burst: 50, Rate: 200, CPUs: 2}, 4}.String())
}
