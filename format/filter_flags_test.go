// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestFilterFlagsOfACommand parses a command line as a command does that has flags of its own.
func TestFilterFlagsOfACommand(t *testing.T) {
	fs := pflag.NewFlagSet("watch", pflag.ContinueOnError)
	follow := fs.Bool("follow", false, "")
	ff := format.NewFilterFlags(fs)
	require.Same(t, ff, format.FilterFlagsOf(fs))
	require.NoError(t, fs.Parse([]string{"-t", "drop", "--follow", "--not", "--ip", "10.0.0.1,10.0.0.2", "--outer", "--not", "--port=80", "--outer", "--port", "81", "rest"}))
	require.True(t, *follow)
	require.Equal(t, []string{"rest"}, fs.Args())

	value := func(name string) string { return fs.Lookup(name).Value.String() }
	require.Equal(t, "drop", value("type"))
	require.Equal(t, "10.0.0.1,10.0.0.2", value("ip"))
	require.Equal(t, "80,81", value("port"))
	require.Empty(t, value("from"))
	require.Equal(t, "false", value("not"))

	_, err := ff.Filter()
	require.NoError(t, err)
}

// TestFilterFlagsHelp has the help of the flags, and which say how another is meant.
func TestFilterFlagsHelp(t *testing.T) {
	fs := pflag.NewFlagSet("watch", pflag.ContinueOnError)
	format.NewFilterFlags(fs)
	help := fs.FlagUsages()
	for _, line := range []string{
		"  -t, --type TYPE            event type: agent, capture, debug, drop, kernel-drop, l7, ",
		"      --from ID              id of the endpoint",
		"      --tcp-flags FLAG       TCP flag that is set: SYN, ACK, RST, FIN, PSH, URG, ECE, CWR\n",
		"      --protocol PROTO       IP protocol, by name",
		"      --not                  negate the next filter flag\n",
		"      --outer                ask the next filter flag",
	} {
		require.Contains(t, help, line)
	}
	require.NotContains(t, help, "(default")
	fs.VisitAll(func(f *pflag.Flag) {
		meaning := f.Name == "not" || f.Name == "outer" || f.Name == "inner"
		require.Equal(t, meaning, format.IsFilterMeaning(f.Name), f.Name)
	})
	require.False(t, format.IsFilterMeaning(""))
}

// TestNamesLookedUpLater has names that are registered after the flags were parsed, by Filter and by Renamed.
func TestNamesLookedUpLater(t *testing.T) {
	parse := func(args ...string) (*format.FilterFlags, error) {
		fs := pflag.NewFlagSet("watch", pflag.ContinueOnError)
		ff := format.NewFilterFlags(fs)
		ff.LookUpLater()
		return ff, fs.Parse(args)
	}
	matches := func(f *format.Filter, pl *payload.Payload) bool {
		ev := format.NewEvent(interfaceName)
		ev.Decode(pl)
		return f.Match(ev)
	}
	ofOwnReason := drop(synPacket, func(n *api.DropNotify) { n.SubType = 250 })
	words := format.Vocabulary{Types: []*format.Type{own(101, "own")}, DropReasons: map[uint8]string{250: "Own reason"}}
	ownEvent := sample(ownSample(101, 5, "a", synPacket))

	for name, c := range map[string]struct {
		flag, value string
		event       *payload.Payload
	}{
		"type":        {"type", "own", ownEvent},
		"drop reason": {"drop-reason", "Own reason", ofOwnReason},
	} {
		t.Run(name, func(t *testing.T) {
			ff, err := parse("--"+c.flag, c.value)
			require.NoError(t, err)
			excluding, err := parse("--not", "--"+c.flag, c.value)
			require.NoError(t, err)

			_, err = ff.Filter()
			var invalid *format.InvalidValueError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, c.flag, invalid.Flag)
			require.Equal(t, c.value, invalid.Value)
			require.ErrorIs(t, err, invalid.Err)
			require.EqualError(t, err, "--"+c.flag+" "+c.value+": "+invalid.Err.Error())

			for range 2 {
				unregister, err := words.Register()
				require.NoError(t, err)
				f, err := ff.Filter()
				require.NoError(t, err)
				require.True(t, matches(f, c.event))
				require.True(t, matches(ff.Renamed(), c.event))
				require.False(t, matches(ff.Renamed(), drop(udpPacket)))
				require.False(t, matches(excluding.Renamed(), c.event))
				unregister()
				require.False(t, matches(ff.Renamed(), c.event), "no event has what there is not")
				require.False(t, matches(ff.Renamed(), drop(udpPacket)))
				require.True(t, matches(excluding.Renamed(), drop(udpPacket)))
			}
		})
	}
	t.Run("what has no names is looked up at once", func(t *testing.T) {
		_, err := parse("--port", "nonsense")
		require.ErrorContains(t, err, "nonsense")
	})
	t.Run("so are names unless LookUpLater is called", func(t *testing.T) {
		fs := pflag.NewFlagSet("watch", pflag.ContinueOnError)
		format.NewFilterFlags(fs)
		require.ErrorContains(t, fs.Parse([]string{"--type", "own"}), `"own"`)
	})
}

// TestMeaningsThatAreTakenBack has --not and the like with a value: of false they are as if they were not given.
func TestMeaningsThatAreTakenBack(t *testing.T) {
	events := filterEvents
	for filter, same := range map[string]string{
		"--not --not=false --type drop":           "--type drop",
		"--not=true --type drop":                  "--not --type drop",
		"--not=false --type drop":                 "--type drop",
		"--outer --outer=false --port 80":         "--port 80",
		"--outer --not --outer=false --port 80":   "--not --port 80",
		"--inner --not --not=false --port 80":     "--inner --port 80",
		"--not --outer=false --not=false --ip ::": "--ip ::",
	} {
		require.Equal(t, matching(t, same, events), matching(t, filter, events), filter)
	}
	for filter, want := range map[string]string{
		"--inner --outer --port 80":           "--inner and --outer are given for one filter flag",
		"--outer --not --inner --port 80":     "--outer and --inner are given for one filter flag",
		"--not --outer --not --port 80":       "--not is given twice in a row",
		"--inner --inner --port 80":           "--inner is given twice in a row",
		"--not --not --outer --inner --ip ::": "--not is given twice in a row", // the first mistake
		"--port 80 --inner":                   "--inner needs a filter flag behind it",
		"--port 80 --not --outer":             "--outer needs a filter flag behind it",
	} {
		_, err := format.ParseFilter(strings.Fields(filter))
		require.ErrorContains(t, err, "parse filter: "+want, filter)
	}
}
