// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/wanted"
)

// TestWanted runs the programs while some message types are wanted: no other events are made, and what
// becomes of packets stays the same.
func TestWanted(t *testing.T) {
	objects, rd := loadPrograms(t, "udp/9999")
	traced, denied := udp4("10.0.0.1", "10.0.0.2", 53), udp4("10.0.0.1", "10.0.0.2", 9999)
	drop, trace, verdict := api.MessageTypeDrop, api.MessageTypeTrace, api.MessageTypePolicyVerdict
	for _, tc := range []struct {
		name           string
		value          wanted.Value
		traced, denied []int // types of the events of ingress
	}{
		{"nobody has said anything", wanted.Value{}, []int{trace}, []int{trace, verdict, drop}},
		{"nothing", value(), nil, nil},
		{"traces", value(trace), []int{trace}, []int{trace}},
		{"drops", value(drop), nil, []int{drop}},
		{"verdicts", value(verdict), nil, []int{verdict}},
		{"what others make", value(200), nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.NoError(t, objects.EventsWanted.Put(uint32(0), tc.value))
			result, events := run(t, objects.FromNetwork, rd, traced)
			require.Equal(t, verdictNext, result)
			require.Equal(t, tc.traced, types(events))
			result, events = run(t, objects.FromNetwork, rd, denied)
			require.EqualValues(t, verdictDrop, result)
			require.Equal(t, tc.denied, types(events))
			_, events = run(t, objects.ToNetwork, rd, traced)
			require.Equal(t, tc.traced, types(events))
		})
	}
}

func value(types ...int) wanted.Value {
	v := wanted.Value{Version: wanted.Version}
	v.DropReasons.AddAll(nil)
	for _, typ := range types {
		v.Types.Add(uint8(typ))
	}
	return v
}

func types(events []event) (all []int) {
	for _, e := range events {
		all = append(all, e.typ())
	}
	return all
}

// TestWantedPin has the map where an agent looks for it, as long as the datapath runs.
func TestWantedPin(t *testing.T) {
	left, _ := veth(t)
	path := eventsPath(t)
	d := left.load(Options{Devices: []string{leftDevice}, EventsMap: path})
	m := wanted.New(path)
	require.NoError(t, m.Reopen())
	require.True(t, m.There())
	require.NoError(t, m.Set(&source.Wanted{}))
	require.NoError(t, m.Check())
	require.NoError(t, m.Close())
	require.NoError(t, d.Close())
	require.NoError(t, m.Reopen())
	require.False(t, m.There())
}
