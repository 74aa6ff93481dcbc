// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

// TestFilterDropReasons has reasons by number, by the whole text and by a part of it, which only counts if no reason has
// it as its text.
func TestFilterDropReasons(t *testing.T) {
	const policyDenied, byDenylist, unnamed = 133, 181, 250
	for value, want := range map[string][3]bool{
		"133":             {true, false, false},
		" 133 ":           {true, false, false},
		"250":             {false, false, true},
		"Policy denied":   {true, false, false},
		"policy DENIED":   {true, false, false},
		" Policy denied ": {true, false, false},
		"denied":          {true, true, false},
		"olicy denie":     {true, true, false},
		"denylist":        {false, true, false},
	} {
		f, err := format.ParseFilter([]string{"--drop-reason", value})
		require.NoError(t, err)
		for i, reason := range []uint8{policyDenied, byDenylist, unnamed} {
			ev := format.NewEvent(interfaceName)
			ev.Decode(drop(synPacket, func(n *api.DropNotify) { n.SubType = reason }))
			require.Equal(t, want[i], f.Match(ev), "%s: %d", value, reason)
		}
	}
	for value, want := range map[string]string{"256": "0-255", "-1": "-1", "": "nor has any a part of it", " ": "nor has any a part of it", "nonsense": "nor has any a part of it"} {
		_, err := format.ParseFilter([]string{"--drop-reason", value})
		require.ErrorContains(t, err, want, value)
	}
}
