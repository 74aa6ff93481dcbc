// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHubbleTable(t *testing.T) {
	r := hubbleResults{
		agents: map[string][]hubbleFigures{
			ours: {{
				Counted: 1000, Unread: 1050, Filtered: 1300, Memory: 30e6, First: 2e6, Seen: 100,
				All: hubbleRun{2000, hubbleFate{Events: 1000, Flows: 900, Lost: 100}}, Fast: hubbleRun{1000, hubbleFate{Events: 1000, Flows: 1000}},
			}},
			ciliums: {{
				Counted: 2000, Unread: 4200, Filtered: 4000, Memory: 90e6, First: math.NaN(),
				All: hubbleRun{2000, hubbleFate{Events: 1000, Flows: 700, Lost: 100}}, Fast: hubbleRun{1000, hubbleFate{Events: 1000, Flows: 1000, Lost: 5}},
			}},
		},
		binaries: map[string]binarySize{ours: {20e6, 400}, ciliums: {80e6, 1200}, hubbleCommand: {25e6, 520}},
	}
	var out strings.Builder
	r.print(&out)
	for _, want := range []string{
		"| agent CPU per event, 20k/s, Hubble, nobody reading | 1.05 µs | 4.20 µs | 4 x |",
		"| 20k/s, a follower that takes all, events reported lost | 10.00 % | 10.00 % | 1 x |",
		"| 20k/s, a follower that takes all, events lost silently | 0 % | 20.00 % |  |",
		"| 100k/s, a follower that takes all, events lost silently | 0 % | -0.50 % |  |", // told of more than there were
		"| a fresh node: the first event at its follower (-: none came) | 2.0 ms | - |  |",
		"| this binary of the agent, stripped | 20.0 MB | 80.0 MB | 4 x |",
		"| CPU with nobody reading: at most 1.1 x a consumer that counts | met |",
		"| CPU with a follower whose filter 1 in 1000 matches: at most 1.2 x a consumer that counts | **missed** |",
		"| the command with Hubble, stripped: at most 24.0 MB | **missed** |",
		"| packages in it: at most 520 | met |",
	} {
		require.Contains(t, out.String(), want)
	}
}
