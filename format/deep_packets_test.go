// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestDeepPackets has as many headers as are dissected, and more, of which it says that they are there.
func TestDeepPackets(t *testing.T) {
	const most = 64
	const more = "more headers that are not dissected"
	labels := func(n int, payload []byte) kind {
		return kind{"MPLS", ethernet(0x8847, mpls(payload, slices.Repeat([]uint32{16}, n)...)), 0}
	}
	lines := func(k kind) []string { // below the one of the event, which a line of dashes is above
		all := strings.Split(strings.TrimSuffix(print(format.Options{Level: format.LevelVerbose}, bareTrace(k)), "\n"), "\n")
		return all[2:]
	}
	for _, c := range []struct {
		k     kind
		lines int
		more  bool
	}{
		{labels(most-2, nil), most - 1, false},
		{labels(most-1, nil), most, false},
		{labels(most-3, ping4), most, false},
		{labels(most-2, ping4), most, true},
		{labels(most, nil), most, true},
		{labels(10*most, nil), most, true},
	} {
		got := lines(c.k)
		if c.more {
			require.Equal(t, more, got[len(got)-1])
			got = got[:len(got)-1]
		}
		require.Len(t, got, c.lines)
		require.NotContains(t, got, more)
		require.NotContains(t, connectionOf(c.k), "[")
	}
}
