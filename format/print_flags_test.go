// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestPrintFlags parses the flags that say how events are printed.
func TestPrintFlags(t *testing.T) {
	for line, want := range map[string]format.Options{
		"":                 {},
		"-v":               {Level: format.LevelDebug},
		"-vv":              {Level: format.LevelVerbose},
		"-v -v -v":         {Level: format.LevelVerbose},
		"--verbose":        {Level: format.LevelDebug},
		"-o cilium":        {Output: format.OutputCilium},
		"--output=json":    {Output: format.OutputJSON},
		"-j":               {Output: format.OutputJSON},
		"--json -o cilium": {Output: format.OutputJSON},
		"--json=false":     {},
		"--hex -n":         {Hex: true, Numeric: true},
		"--numeric":        {Numeric: true},
		"-vvn -o compact":  {Level: format.LevelVerbose, Numeric: true},
	} {
		fs := pflag.NewFlagSet("watch", pflag.ContinueOnError)
		flags := format.NewPrintFlags(fs)
		require.NoError(t, fs.Parse(strings.Fields(line)))
		require.Equal(t, want, flags.Options(&format.Filter{}), line)
		require.Equal(t, want, format.PrintFlagsOf(fs).Options(&format.Filter{}), line)
		require.Equal(t, want.Output, flags.Output(), line)
	}
	filter, err := format.ParseFilter([]string{"--type", "debug"})
	require.NoError(t, err)
	fs := pflag.NewFlagSet("watch", pflag.ContinueOnError)
	flags := format.NewPrintFlags(fs)
	require.Equal(t, format.LevelDebug, flags.Options(filter).Level, "a type that is asked for is not hidden")
	require.ErrorContains(t, fs.Parse([]string{"-o", "xml"}), "it is compact, cilium or json")
	require.Contains(t, fs.FlagUsages(), "  -o, --output FORMAT ")
}

// TestNamesOfFlagValues has what is offered for completion.
func TestNamesOfFlagValues(t *testing.T) {
	require.Equal(t, []string{"compact", "cilium", "json"}, format.OutputNames())
	require.Equal(t, []string{"time", "relative", "rfc3339", "none"}, format.TimestampNames())
	require.Equal(t, []string{"allow", "deny", "redirect", "audit", "error"}, format.FilterValues("verdict"))
	require.Equal(t, "WHICH", new(format.Timestamps).Type())
	for _, names := range [][]string{format.OutputNames(), format.TimestampNames(), format.FilterValues("verdict")} {
		names[0] = "changed" // the slice is the caller's
	}
	require.Equal(t, "compact", format.OutputNames()[0])
	require.Equal(t, "time", format.TimestampNames()[0])
	require.Equal(t, "allow", format.FilterValues("verdict")[0])
}
