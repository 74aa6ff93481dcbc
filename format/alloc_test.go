// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"slices"
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
		"--type", "trace,drop,policy-verdict,debug,trace-sock", "--not", "--related-to", "99", "--not", "--ip", "203.0.113.0/24", "--not", "--outer", "--src-ip", "203.0.113.1",
		"--not", "--port", "60000-60009", "--not", "--protocol", "201", "--not", "--tcp-flags", "RST", "--not", "--drop-reason", "140",
		"--not", "--identity", "health", "--not", "--verdict", "audit", "--not", "--interface", "lo",
	})
	require.NoError(t, err)
	common := append(slices.Clone(mix), verdict(tcpPacket), drop(tcpPacket), debug(api.DebugCTLookup4Part1, 1, 2, 3), traceSock())
	all := slices.Clone(common)
	for _, k := range kinds {
		if len(layerLines(k)) == 0 {
			continue // a hex dump, which is for the library to make
		}
		all = append(all, k.payload(), kind{packet: k.packet[:len(k.packet)-1], flags: k.flags}.payload())
	}
	for name, opts := range map[string]format.Options{
		"line":    {Level: format.LevelDebug},
		"verbose": {Level: format.LevelVerbose},
		"JSON":    {Output: format.OutputJSON},

		"Cilium": {Output: format.OutputCilium, Level: format.LevelDebug},
	} {
		payloads := all
		if opts.Output == format.OutputCilium {
			payloads = common // of rare packets gopacket makes the text that Cilium prints
		}
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
