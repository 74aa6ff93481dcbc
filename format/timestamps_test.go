// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestTimeOfDay has the first and the last time of a day, and each part alone.
func TestTimeOfDay(t *testing.T) {
	for _, want := range []string{"00:00:00.000", "23:59:59.999", "10:00:00.000", "00:10:00.000", "00:00:10.000", "09:08:07.006", "00:00:00.010", "00:00:00.100"} {
		at, err := time.Parse("15:04:05.000", want)
		require.NoError(t, err)
		at = at.Add(999_999) // less than a millisecond
		got := print(format.Options{Output: format.OutputCilium, Clock: func() time.Time { return at }}, lost(5, 1))
		require.Equal(t, want+" CPU 01: Lost 5 events\n", got)
	}
}

// TestRelativeTimes has times of each width since the first, and one before it.
func TestRelativeTimes(t *testing.T) {
	first := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	at := first
	f := format.New(format.Options{Output: format.OutputCilium, Clock: func() time.Time { return at }, Timestamps: format.TimestampsRelative})
	ev := format.NewEvent(interfaceName)
	ev.Decode(lost(5, 1))
	for _, c := range []struct {
		passed time.Duration
		want   string
	}{
		{0, "    0.000"},
		{999_999, "    0.000"},
		{time.Millisecond, "    0.001"},
		{-time.Hour - time.Second - time.Millisecond, "    0.000"},
		{9999 * time.Millisecond, "    9.999"},
		{10 * time.Second, "   10.000"},
		{99 * time.Second, "   99.000"},
		{100 * time.Second, "  100.000"},
		{99_999 * time.Second, "99999.000"},
		{100_000 * time.Second, "100000.000"},
		{1_234_567*time.Second + 89*time.Millisecond, "1234567.089"},
	} {
		at = first.Add(c.passed)
		require.Equal(t, c.want+" CPU 01: Lost 5 events\n", string(f.Append(nil, ev)))
	}
}
