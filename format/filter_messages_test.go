// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/format"
)

// TestFilterMessages has all that is said of contradictions: no flag is named that has nothing to do with it.
func TestFilterMessages(t *testing.T) {
	for filter, want := range map[string]string{
		"--identity 2 --from 7 --interface eth0 --verdict error": "no event can match --interface eth0 together with --verdict error: " +
			"--verdict error is only for events of type l7",
		"--interface eth0 --drop-reason 133 --verdict error": "no event can match --interface eth0 together with --verdict error: " +
			"--verdict error is only for events of type l7", // the first of two
		"--identity 2 --port 80 --type agent": "no event can match --type agent together with --identity 2: " +
			"--identity 2 is only for events of type drop, l7, policy-verdict, trace",
		"--type drop,agent --drop-reason 133 --not --type drop": "no event can match --type drop,agent --not --type drop together with --drop-reason 133: " +
			"--drop-reason 133 is only for events of type drop",
		"--type drop,debug --not --type drop,debug": "no event can match --type drop,debug --not --type drop,debug: no type is left",
		"--port 80 --not --ip ::1 --not --port 80":  "no event can match: all that --port 80 asks for is excluded by --not --port 80",
		"--src-port 80 --not --port 70-90":          "no event can match: all that --src-port 80 asks for is excluded by --not --port 70-90",
		"--tcp-flags SYN --not --protocol tcp":      "no event can match --tcp-flags SYN together with --not --protocol tcp: only tcp has that",
		// Two flags can each be had with the third, both not: all before are named.
		"--from 7 --drop-reason 133 --type policy-verdict,drop --verdict deny": "no event can match --drop-reason 133 together with --verdict deny: " +
			"--verdict deny is only for events of type l7, policy-verdict",
	} {
		_, err := format.ParseFilter(strings.Fields(filter))
		require.EqualError(t, err, "parse filter: "+want, filter)
	}
	for _, filter := range []string{
		"--tcp-flags SYN --not --protocol udp", "--not --tcp-flags SYN --not --protocol tcp", "--not --port 80", "--port 80 --not --src-port 80",
	} {
		_, err := format.ParseFilter(strings.Fields(filter))
		require.NoError(t, err, filter)
	}
}

// TestParseFilterIsQuiet has mistakes told by the error alone.
func TestParseFilterIsQuiet(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer file.Close()
	stderr := os.Stderr
	os.Stderr = file
	defer func() { os.Stderr = stderr }()
	for _, args := range [][]string{{"--nonsense"}, {"--help"}, {"--type", "dorp"}} {
		_, err := format.ParseFilter(args)
		require.Error(t, err)
	}
	printed, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Empty(t, string(printed))
}

// TestBlanksAroundFilterValues has them where people write them.
func TestBlanksAroundFilterValues(t *testing.T) {
	for _, c := range []struct{ flag, value, same string }{
		{"--type", " drop, agent ", "--type drop,agent"},
		{"--port", "80 , 53", "--port 80,53"},
		{"--ip", " 10.0.0.0/8 ", "--ip 10.0.0.0/8"},
	} {
		f, err := format.ParseFilter([]string{c.flag, c.value})
		require.NoError(t, err)
		var names []string
		ev := format.NewEvent(interfaceName)
		for _, e := range filterEvents {
			if ev.Decode(e.payload); f.Match(ev) {
				names = append(names, e.name)
			}
		}
		require.Equal(t, matching(t, c.same, filterEvents), strings.Join(names, " "))
	}
}
