// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/session"
)

func TestParseMoment(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 30, 0, 0, time.FixedZone("here", 3600))
	for text, want := range map[string]time.Time{
		"5m":                     now.Add(-5 * time.Minute),
		"0s":                     now,
		"12:30":                  now,
		"12:29:59":               now.Add(-time.Second),
		"12:31":                  now.Add(time.Minute).AddDate(0, 0, -1),
		"2026-03-02T11:00:00Z":   time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC),
		"2026-03-02T13:00:00.5Z": time.Date(2026, 3, 2, 13, 0, 0, 5e8, time.UTC),
	} {
		at, err := parseMoment(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(at), "%s is %s", text, at)
	}
	for _, text := range []string{"", "-5m", "noon", "25:00", "2026-03-02"} {
		_, err := parseMoment(text, now)
		require.Error(t, err, text)
	}
}

// TestPastAtTheEdges has times that do not fit in a request.
func TestPastAtTheEdges(t *testing.T) {
	for text, want := range map[string]int64{
		"0001-01-01T00:00:00Z":           1,
		"1969-12-31T23:59:59Z":           1,
		"1970-01-01T00:00:00Z":           1,
		"1970-01-01T00:00:00.000000002Z": 2,
		"1000000h":                       1,
		"2262-04-11T23:47:16.854775807Z": math.MaxInt64,
		"9999-12-31T23:59:59Z":           math.MaxInt64,
	} {
		var p past
		require.NoError(t, p.since.Set(text), text)
		require.NoError(t, p.until.Set(text), text)
		request := session.Request{Version: session.Version}
		p.addTo(&request)
		require.Equal(t, want, request.From.Since, text)
		require.Equal(t, want, request.Until, text)
		require.NoError(t, request.Validate(), text)
	}
}
