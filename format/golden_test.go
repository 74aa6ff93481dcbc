// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden compares what is printed with the files in testdata, which are there to
// be read: each shows a group of events in a format.
func TestGolden(t *testing.T) {
	clock := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC) }
	formats := map[string]format.Options{
		"default":         {},
		"debug":           {Level: format.LevelDebug},
		"verbose":         {Level: format.LevelVerbose},
		"hex":             {Hex: true},
		"json":            {Output: format.OutputJSON},
		"numeric":         {Level: format.LevelDebug, Numeric: true},
		"color":           {Color: true},
		"color-verbose":   {Level: format.LevelVerbose, Color: true},
		"cilium":          {Output: format.OutputCilium, Level: format.LevelDebug},
		"cilium-verbose":  {Output: format.OutputCilium, Level: format.LevelVerbose},
		"time":            {Clock: clock},
		"rfc3339":         {Level: format.LevelVerbose, Clock: clock, Timestamps: format.TimestampsRFC3339},
		"timestamps-json": {Output: format.OutputJSON, Clock: clock},
	}
	for _, g := range groups(t) {
		for _, name := range g.formats {
			t.Run(g.name+"/"+name, func(t *testing.T) {
				var b strings.Builder
				for _, p := range g.payloads {
					b.WriteString("== " + p.name + "\n")
					b.WriteString(print(formats[name], p.payload))
				}
				golden(t, filepath.Join("testdata", g.name, name+".golden"), b.String())
			})
		}
	}
}

// golden compares got with a file, line by line: the difference is easier to see.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	want := slices.Collect(strings.Lines(string(data)))
	for i, line := range slices.Collect(strings.Lines(got)) {
		require.Less(t, i, len(want), "%s ends before %s", file, line)
		require.Equal(t, want[i], line, "%s:%d", file, i+1)
	}
	require.Equal(t, string(data), got)
}

// TestLevels checks that each level adds to the line of the one below, unless that hides it, and -vv and
// --hex the packet below the line.
func TestLevels(t *testing.T) {
	for _, g := range groups(t) {
		for _, p := range g.payloads {
			line := strings.TrimSuffix(print(format.Options{}, p.payload), "\n")
			debug := print(format.Options{Level: format.LevelDebug}, p.payload)
			require.True(t, strings.HasPrefix(debug, line), p.name)
			require.Equal(t, 1, strings.Count(debug, "\n"), p.name)

			ev := format.NewEvent(interfaceName)
			ev.Decode(p.payload)
			packet, _ := ev.Packet()
			why := ""
			if meaning := ev.Meaning(); meaning != "" {
				why = "Why\t" + meaning + "\n"
			}
			verbose := print(format.Options{Level: format.LevelVerbose}, p.payload)
			dump := print(format.Options{Hex: true}, p.payload)
			switch {
			case ev.Err() != nil:
				require.True(t, strings.HasPrefix(verbose, debug), p.name)
			case len(packet) == 0:
				require.Equal(t, debug+why, verbose, p.name)
				require.Equal(t, debug+why, dump, p.name)
			default:
				above := strings.Repeat("-", 78) + "\n" + debug + why
				require.Equal(t, above+hex.Dump(packet), dump, p.name)
				layers, ok := strings.CutPrefix(verbose, above)
				require.True(t, ok, p.name)
				require.NotEmpty(t, layers, p.name)
			}
		}
	}
}
