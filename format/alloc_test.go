// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/format"
)

var ciliumVerbose = format.Options{Output: format.OutputCilium, Level: format.LevelVerbose}

// TestNothingAllocated checks that an event of the datapath goes through filter, formatter
// and summary without an allocation.
func TestNothingAllocated(t *testing.T) {
	filter, err := format.ParseFilter([]string{
		"--type", "trace,drop,policy-verdict,debug,trace-sock", "--not", "--related-to", "99", "--not", "--ip", "192.0.2.0/24",
		"--not", "--port", "9", "--not", "--protocol", "gre", "--not", "--tcp-flags", "RST", "--not", "--drop-reason", "140",
		"--not", "--identity", "health", "--not", "--verdict", "audit", "--not", "--interface", "lo",
	})
	require.NoError(t, err)
	payloads := append(mix, verdict(tcpPacket), drop(tcpPacket), debug(api.DebugCTLookup4Part1, 1, 2, 3), traceSock())
	for name, opts := range map[string]format.Options{
		"line":    {Level: format.LevelDebug},
		"verbose": {Level: format.LevelVerbose},
		"JSON":    {Output: format.OutputJSON},

		"Cilium": {Output: format.OutputCilium, Level: format.LevelDebug},
	} {
		t.Run(name, func(t *testing.T) {
			f := format.NewJoiner(format.New(opts))
			ev := format.NewEvent(interfaceName)
			var summary format.Summary
			var buf []byte
			matched := 0
			run := func() {
				for _, pl := range payloads {
					ev.Decode(pl)
					summary.Count(ev)
					if filter.Match(ev) {
						matched++
						buf, _ = f.Append(buf[:0], ev)
					}
				}
			}
			run()
			require.Equal(t, len(payloads), matched)
			require.Zero(t, testing.AllocsPerRun(100, run))
		})
	}
}
