// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	id := func(v float64) float64 { return v }
	require.True(t, math.IsNaN(median(nil, id)))
	require.Equal(t, 3., median([]float64{9, 1, 3}, id))
	require.Equal(t, 2.5, median([]float64{4, 1, 3, 2}, id))
}

func TestRatioSaysHowManyTimesBetterThisAgentIs(t *testing.T) {
	for _, tt := range []struct {
		our, cilium    float64
		higherIsBetter bool
		want           string
	}{
		{2, 20, false, "10 x"},
		{20, 2, true, "10 x"},
		{20, 10, false, "0.5 x"},
		{1, 123, false, "123 x"},
		{0, 5, false, ""},
		{math.NaN(), 5, false, ""},
	} {
		var out strings.Builder
		row(&out, "label", tt.our, tt.cilium, number, tt.higherIsBetter)
		require.Equal(t, tt.want, strings.TrimSpace(strings.Split(out.String(), "|")[4]), "%+v", tt)
	}
}

func TestSetupsAreInOrderOfRate(t *testing.T) {
	runs := map[setup][]int{{ours, 0, 1}: nil, {ciliums, 20000, 4}: nil, {ours, 20000, 4}: nil, {ours, 20000, 1}: nil, {ours, 1000, 16}: nil}
	require.Equal(t, []setup{{"", 1000, 16}, {"", 20000, 1}, {"", 20000, 4}, {"", 0, 1}}, sortedSetups(runs))
}
