// SPDX-License-Identifier: Apache-2.0

package wanted

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/session"
)

// TestSteps changes rules while programs look at them, which may take any time, and may see of a write that is under way
// one field and not yet another one: no program that leaves an event out has seen rules of which some were others.
func TestSteps(t *testing.T) {
	wants := func(refined uint64, ports ...uint16) *source.Wanted {
		w := &source.Wanted{Types: source.Types{1<<4 | refined}, Refined: source.Types{refined}}
		for _, port := range ports {
			w.Packets = append(w.Packets, session.PacketRule{Ports: []session.PortRange{{First: port, Last: port}}})
		}
		return w
	}
	changes := []*source.Wanted{
		wants(0), wants(1<<4, 1), wants(1<<4, 2), wants(1<<4, 1, 2), wants(1<<4|1<<1, 2), wants(0), wants(1<<1, 2), wants(1<<4, 2), wants(1<<4, 1),
	}
	values := []Value{{}}
	for _, w := range changes {
		before := values[len(values)-1]
		next := ValueOf(w)
		values = append(values, steps(&before, next)...)
		got := values[len(values)-1]
		got.Generation = 0
		require.Equal(t, *next, got, "in the end it is what was asked for")
	}
	leftOut := 0
	for start := range values {
		for end := start; end < len(values); end++ {
			// Fields are those of a value, or of the next one.
			for fields := range 8 {
				at := func(i, bit int) *Value { return &values[min(i+fields>>bit&1, len(values)-1)] }
				if at(start, 0).Generation != at(end, 1).Generation || at(end, 2).Refined[0] == 0 {
					continue
				}
				leftOut++
				for i := start; i <= end+1 && i < len(values); i++ {
					require.Equal(t, values[start].RuleCount, values[i].RuleCount, "from %d to %d", start, end)
					require.Equal(t, values[start].Rules, values[i].Rules, "from %d to %d", start, end)
				}
			}
		}
	}
	require.NotZero(t, leftOut)
}

// TestStepsWiden changes what is wanted while programs may see of each write any fields and not the others yet: none leaves out
// a type or a drop reason that is wanted before and after.
func TestStepsWiden(t *testing.T) {
	wants := func(types, refined, reasons uint64) *Value {
		return ValueOf(&source.Wanted{Types: source.Types{types}, Refined: source.Types{refined}, DropReasons: source.Types{reasons}})
	}
	// What programs take for wanted, as bpf/wanted.h says.
	typesOf := func(version uint32, types uint64) uint64 {
		if version == 0 {
			return math.MaxUint64
		}
		return types
	}
	reasonsOf := func(version uint32, reasons uint64) uint64 {
		if version < 2 {
			return math.MaxUint64
		}
		return reasons
	}
	v1 := Value{Version: 1, Types: source.Types{6}}
	for _, start := range []Value{{}, v1, {Types: source.Types{1}, Refined: source.Types{1}}} {
		before := start
		for _, next := range []*Value{wants(2, 0, 4), wants(3, 0, 12), wants(3, 2, 8), wants(6, 4, 24), wants(2, 0, 16)} {
			types := typesOf(before.Version, before.Types[0]) & next.Types[0]
			reasons := reasonsOf(before.Version, before.DropReasons[0]) & next.DropReasons[0]
			values := append([]Value{before}, steps(&before, next)...)
			for i := range values[1:] {
				for fields := range 8 {
					at := func(bit int) *Value { return &values[i+fields>>bit&1] }
					require.Equal(t, types, types&typesOf(at(0).Version, at(1).Types[0]), "from %v to %v, write %d", before, next, i)
					require.Equal(t, reasons, reasons&reasonsOf(at(0).Version, at(2).DropReasons[0]), "from %v to %v, write %d", before, next, i)
				}
			}
			before = values[len(values)-1]
		}
	}
}

// TestTakingBack has programs see of each write any fields and not the others yet, also of one that takes back what was set:
// nothing is left out that was wanted before.
func TestTakingBack(t *testing.T) {
	before := *ValueOf(&source.Wanted{
		Types: source.Types{6}, DropReasons: source.Types{4}, Refined: source.Types{2},
		Packets: []session.PacketRule{{Ports: []session.PortRange{{First: 1, Last: 1}}}},
	})
	values := append([]Value{before}, takingBack(&before)...)
	for start := range values {
		for end := start; end < len(values); end++ {
			for fields := range 16 {
				at := func(i, bit int) *Value { return &values[min(i+fields>>bit&1, len(values)-1)] }
				if at(start, 0).Version == 0 {
					continue
				}
				require.Equal(t, before.Types[0], before.Types[0]&at(end, 1).Types[0])
				require.Equal(t, before.DropReasons[0], before.DropReasons[0]&at(end, 2).DropReasons[0])
				if at(start, 3).Generation == at(end, 2).Generation && at(end, 1).Refined[0] != 0 {
					require.Equal(t, before.Rules, at(end, 0).Rules, "a packet is left out by rules that were set")
				}
			}
		}
	}
	last := values[len(values)-1]
	require.Zero(t, last.Version)
	require.Equal(t, all, last.Types)
}

// TestStepsWithoutRules writes at once what has no rules.
func TestStepsWithoutRules(t *testing.T) {
	next := ValueOf(&source.Wanted{Types: source.Types{1}})
	require.Equal(t, []Value{*next}, steps(&Value{Version: Version}, next))
}
