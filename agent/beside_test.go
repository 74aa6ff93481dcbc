// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/suppressed"
	"github.com/cilium/monitor/internal/wanted"
	"github.com/cilium/monitor/testutils"
)

// Maps that a datapath pins beside its events map.
var (
	wantedSpec     = ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: wantedSize, MaxEntries: 1}
	suppressedSpec = ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 16, MaxEntries: 5}
	lossesSpec     = ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8, MaxEntries: 1}
	foreignSpec    = ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 1}
)

// pinBeside pins a new map beside f's events map, in the place of the one before.
func pinBeside(t *testing.T, f *fixture, suffix string, spec ebpf.MapSpec) *ebpf.Map {
	t.Helper()
	m, err := ebpf.NewMap(&spec)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = m.Unpin()
		m.Close()
	})
	path := f.Stats().EventsMap + suffix
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	require.NoError(t, m.Pin(path))
	return m
}

// countLimited has a counter of suppressed drops have counted so many.
func countLimited(t *testing.T, m *ebpf.Map, n uint64) {
	t.Helper()
	counts := make([]suppressed.Count, ebpf.MustPossibleCPU())
	counts[0].RateLimited = n
	require.NoError(t, m.Put(uint32(api.MessageTypeDrop), counts))
}

// TestNothingBesideKeepsFromReading has maps beside the events map that are something else or can't be written to: that is said, and the
// events are read. Once what belongs there is in their place, all is well.
func TestNothingBesideKeepsFromReading(t *testing.T) {
	for _, test := range []struct {
		name, suffix string
		wrong        ebpf.MapSpec
		freeze       bool
		right        ebpf.MapSpec
		said         string
		ringBuffer   bool // only of one
	}{
		{name: "wanted", suffix: wanted.Suffix, wrong: foreignSpec, right: wantedSpec, said: "_wanted is a map of type Hash"},
		{name: "frozen", suffix: wanted.Suffix, wrong: wantedSpec, freeze: true, right: wantedSpec, said: "tell the datapath"},
		{name: "suppressed", suffix: suppressed.Suffix, wrong: foreignSpec, right: suppressedSpec, said: "_suppressed is of type Hash"},
		{name: "losses", suffix: agent.RingBufferLossesSuffix, wrong: foreignSpec, right: lossesSpec, said: "the loss counter is a Hash", ringBuffer: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			overBoth(t, func(t *testing.T, kind testutils.GeneratorOptions) {
				if test.ringBuffer && kind.RingBufferSize == 0 {
					return
				}
				f := startOn(t, kind, nil)
				wrong := pinBeside(t, f, test.suffix, test.wrong)
				if test.freeze {
					require.NoError(t, wrong.Freeze())
				}
				require.NoError(t, f.AttachToEventsMap(8))
				c := &testutils.FakeConsumer{}
				f.RegisterNewConsumer(c)
				require.NoError(t, f.gen.EmitTrace(3))
				require.NoError(t, c.WaitFor(t.Context(), 3))
				source := func() agent.SourceStats { return f.Stats().Sources[0] }
				eventually(t, func() bool { return strings.Contains(source().Error, test.said) }, "it is said")
				require.True(t, source().Reading)
				require.Zero(t, source().Failures)
				require.Zero(t, source().Reopened)

				pinBeside(t, f, test.suffix, test.right)
				eventually(t, func() bool { return source().Error == "" }, "it is taken")
				require.NoError(t, f.gen.EmitTrace(4))
				require.NoError(t, c.WaitFor(t.Context(), 7))
				require.Equal(t, test.suffix == wanted.Suffix, source().Selective)
			})
		})
	}
}

// TestMapsBesideReplaced has a datapath come with new maps beside the events map, which stays: they are used instead.
func TestMapsBesideReplaced(t *testing.T) {
	overBoth(t, func(t *testing.T, kind testutils.GeneratorOptions) {
		f := startOn(t, kind, nil)
		require.NoError(t, f.AttachToEventsMap(8))
		f.RegisterNewConsumer(&picky{wants: interest.Types(api.MessageTypeDrop)})
		require.False(t, f.Stats().Sources[0].Selective)

		first := pinBeside(t, f, wanted.Suffix, wantedSpec)
		drops := typesOf(api.MessageTypeDrop)
		eventually(t, func() bool { return *wantedMap{first}.types(t) == *drops }, "it is told what is wanted")
		second := pinBeside(t, f, wanted.Suffix, wantedSpec)
		eventually(t, func() bool { return *wantedMap{second}.types(t) == *drops }, "so is the one that takes its place")

		counter := pinBeside(t, f, suppressed.Suffix, suppressedSpec)
		countLimited(t, counter, 5)
		limited := func() (n uint64) {
			for _, s := range f.Stats().Suppressed {
				n += s.RateLimited
			}
			return n
		}
		eventually(t, func() bool { return limited() == 5 }, "what it counts is told")
		countLimited(t, counter, 6)
		other := pinBeside(t, f, suppressed.Suffix, suppressedSpec)
		countLimited(t, other, 7)
		eventually(t, func() bool { return limited() == 13 }, "and what the one counts that takes its place")

		if kind.RingBufferSize > 0 {
			reopened := f.Stats().Sources[0].Reopened
			pinBeside(t, f, agent.RingBufferLossesSuffix, lossesSpec)
			eventually(t, func() bool { return f.Stats().Sources[0].Reopened == reopened+1 }, "a counter of losses comes")
			require.False(t, f.Stats().Sources[0].LossesUnknown)
		}
	})
}
