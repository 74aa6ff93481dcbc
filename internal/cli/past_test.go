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
		"2026-03-02T11:00:00Z":   time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC),
		"2026-03-02T13:00:00.5Z": time.Date(2026, 3, 2, 13, 0, 0, 5e8, time.UTC),
	} {
		at, clock, err := parseMoment(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(at), "%s is %s", text, at)
		require.False(t, clock)
	}
	for _, text := range []string{"", "-5m", "noon", "25:00", "2026-03-02"} {
		_, _, err := parseMoment(text, now)
		require.Error(t, err, text)
	}
}

// TestPastClock has times of day, which are of the day that is meant.
func TestPastClock(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 30, 0, 0, time.FixedZone("here", 3600))
	for _, tc := range []struct {
		last               int
		since, until       string
		wantSince, wantEnd string
	}{
		{since: "12:30", wantSince: "02 12:30:00"},
		{since: "12:29:59", wantSince: "02 12:29:59"},
		{since: "12:31", wantSince: "01 12:31:00"},
		{until: "23:59", wantEnd: "02 23:59:00"},
		{until: "12:29", wantEnd: "03 12:29:00"},
		{until: "12:30", wantEnd: "03 12:30:00"},
		{last: 5, until: "12:29", wantEnd: "02 12:29:00"},
		{last: 5, until: "23:59", wantEnd: "02 23:59:00"},
		{since: "23:00", until: "23:30", wantSince: "01 23:00:00", wantEnd: "01 23:30:00"},
		{since: "23:00", until: "00:30", wantSince: "01 23:00:00", wantEnd: "02 00:30:00"},
		{since: "10:00", until: "11:00", wantSince: "02 10:00:00", wantEnd: "02 11:00:00"},
		{since: "10m", until: "12:25", wantSince: "02 12:20:00", wantEnd: "02 12:25:00"},
		{since: "10m", until: "12:15", wantSince: "02 12:20:00", wantEnd: "03 12:15:00"},
	} {
		p := past{last: tc.last}
		for _, m := range []struct {
			flag       *momentFlag
			text, want string
		}{{&p.since, tc.since, tc.wantSince}, {&p.until, tc.until, tc.wantEnd}} {
			if m.text == "" {
				continue
			}
			var err error
			m.flag.text = m.text
			m.flag.at, m.flag.clock, err = parseMoment(m.text, now)
			require.NoError(t, err)
		}
		p.settle(now)
		if tc.since != "" {
			require.Equal(t, tc.wantSince, p.since.at.Format("02 15:04:05"), "%+v", tc)
		}
		if tc.until != "" {
			require.Equal(t, tc.wantEnd, p.until.at.Format("02 15:04:05"), "%+v", tc)
		}
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
