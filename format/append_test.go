// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestAppendKeepsAll appends each kind of event, in each format, to what others have written, and also to
// a buffer that has room for it.
func TestAppendKeepsAll(t *testing.T) {
	const before = "before "
	room := make([]byte, 0, 64<<10)
	for _, g := range groups(t) {
		for _, p := range g.payloads {
			ev := format.NewEvent(interfaceName)
			for _, output := range []format.Output{format.OutputCompact, format.OutputCilium, format.OutputJSON} {
				for _, level := range []format.Level{format.LevelDefault, format.LevelDebug, format.LevelVerbose} {
					for _, hex := range []bool{false, true} {
						opts := format.Options{Output: output, Level: level, Hex: hex}
						ev.Decode(p.payload)
						f := format.New(opts)
						alone := string(f.Append(nil, ev))
						require.Equal(t, before+alone, string(f.Append([]byte(before), ev)), "%s, %+v", p.name, opts)
						require.Equal(t, before+alone, string(f.Append(append(room[:0], before...), ev)), "%s, %+v", p.name, opts)
					}
				}
			}
		}
	}
}

// TestTimeIsPrintedOnce compares what is printed with the time of an event and without.
func TestTimeIsPrintedOnce(t *testing.T) {
	const stamp = "03:04:05.000 "
	clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	for _, g := range groups(t) {
		for _, p := range g.payloads {
			for _, output := range []format.Output{format.OutputCompact, format.OutputCilium} {
				for _, level := range []format.Level{format.LevelDefault, format.LevelDebug, format.LevelVerbose} {
					without := print(format.Options{Output: output, Level: level}, p.payload)
					with := print(format.Options{Output: output, Level: level, Clock: clock}, p.payload)
					require.Equal(t, without, strings.Replace(with, stamp, "", 1), p.name)
					if without != "" {
						require.Equal(t, 1, strings.Count(with, stamp), p.name)
					}
				}
			}
		}
	}
}
