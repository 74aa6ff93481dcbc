// SPDX-License-Identifier: Apache-2.0

package load

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func arrivals(s Shape, cpu int, d time.Duration, seed uint64) []time.Duration {
	return slices.Collect(s.Arrivals(cpu, d, seed))
}

func TestArrivalsKeepToTheRate(t *testing.T) {
	for _, s := range []Shape{{1, 200, 1}, {1, 5000, 2}, {50, 5000, 1}, {200, 20000, 2}, {1000, 100000, 1}} {
		const d = 2 * time.Second
		events := 0
		for cpu := range s.CPUs {
			events += s.AtOnce() * len(arrivals(s, cpu, d, 1))
		}
		require.InDelta(t, s.Rate*int(d/time.Second), events, float64(s.AtOnce()*s.CPUs), "%+v", s)
	}
}

func TestArrivalsAreNearlyEven(t *testing.T) {
	s := Shape{Burst: 10, Rate: 1000, CPUs: 1}
	require.Equal(t, 10*time.Millisecond, s.Interval())
	got := arrivals(s, 0, time.Second, 1)
	require.NotEmpty(t, got)
	var least, most time.Duration = time.Hour, 0
	for i := range got[1:] {
		gap := got[i+1] - got[i]
		least, most = min(least, gap), max(most, gap)
	}
	require.GreaterOrEqual(t, least, 8*time.Millisecond)
	require.LessOrEqual(t, most, 12*time.Millisecond)
	require.Greater(t, most-least, time.Millisecond, "nothing may fall into step with it")
}

func TestArrivalsAreTheSameForAllAgents(t *testing.T) {
	s := Shape{Burst: 1, Rate: 1000, CPUs: 2}
	require.Equal(t, arrivals(s, 0, time.Second, 7), arrivals(s, 0, time.Second, 7))
	require.NotEqual(t, arrivals(s, 0, time.Second, 7), arrivals(s, 1, time.Second, 7))
	require.NotEqual(t, arrivals(s, 0, time.Second, 7), arrivals(s, 0, time.Second, 8))
}

func TestTimersDoNotWakeTooOften(t *testing.T) {
	for _, tt := range []struct {
		shape    Shape
		atOnce   int
		interval time.Duration
		text     string
	}{
		{Shape{1, 20000, 1}, 1, 50 * time.Microsecond, "even"},
		{Shape{1, 100000, 1}, 5, 50 * time.Microsecond, "even, 5 at a time"},
		{Shape{1, 100000, 2}, 3, 60 * time.Microsecond, "even, 3 at a time on 2 CPUs"},
		{Shape{10, 100000, 1}, 10, 100 * time.Microsecond, "bursts of 10"},
	} {
		require.Equal(t, tt.atOnce, tt.shape.AtOnce(), "%+v", tt.shape)
		require.Equal(t, tt.interval, tt.shape.Interval(), "%+v", tt.shape)
		require.Equal(t, tt.text, tt.shape.String())
	}
}
