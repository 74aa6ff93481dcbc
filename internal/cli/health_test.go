// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"
)

// TestHealthIsInert reports what a terminal would act on, and shows it as monitor status does.
func TestHealthIsInert(t *testing.T) {
	const evil = "a\x1b[2J\tb\nc: level=OK message=x error=\u202e"
	const want = `a\u001b[2J\tb\nc: level=OK message=x error=\u202e`
	health, all := cell.NewSimpleHealth()
	health = inertHealth{health}
	health.NewScope("one").OK(evil)
	health.NewScope("two").Stopped(evil)
	health.NewScope("three").Degraded(evil, errors.New(evil))
	health.NewScope("four").Degraded("none", nil)
	require.Equal(t, want, all.GetChild("one").Status)
	require.Equal(t, want, all.GetChild("two").Status)
	require.Equal(t, want, all.GetChild("three").Status)
	require.EqualError(t, all.GetChild("three").Error, want)
	require.NoError(t, all.GetChild("four").Error)

	// An agent of another version may not do that.
	var table strings.Builder
	require.NoError(t, writeHealth(&table, []partHealth{{"one\x1b", "OK", "a\x7f\tb\u009b: \xff"}}))
	require.Equal(t, "PART       HEALTH\none\\u001b  OK  a\\u007f\\tb\\u009b: \\xff\n", strings.ReplaceAll(table.String(), "OK      ", "OK  "))
}
