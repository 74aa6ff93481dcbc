// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAllowance has users whose requests take time: one that has none left waits until it has, and nobody else does.
func TestAllowance(t *testing.T) {
	all := make(allowances)
	now := time.Now()
	require.Zero(t, all.wait(1, now))
	all.spend(1, now.Add(-requestBurst/2))
	require.Zero(t, all.wait(1, now), "half is left")
	for range 3 {
		all.spend(1, time.Now().Add(-requestBurst))
	}
	now = time.Now()
	wait := all.wait(1, now)
	require.Greater(t, wait, 2*requestBurst*requestShare)
	require.LessOrEqual(t, wait, 3*requestBurst*requestShare)
	require.NotZero(t, all.wait(1, now.Add(wait-requestShare)))
	require.Zero(t, all.wait(1, now.Add(wait)))
	require.Zero(t, all.wait(2, now))

	later := all[1].at.Add(time.Hour)
	require.Equal(t, requestBurst, all[1].leftAt(later), "not more than that is saved up")
	for uid := range uint32(2000) {
		all[uid] = allowance{requestBurst, now}
	}
	all.spend(5, time.Now().Add(-2*requestBurst))
	require.Len(t, all, 1, "who has all is forgotten")
	require.NotZero(t, all.wait(5, time.Now()))
}
