// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
