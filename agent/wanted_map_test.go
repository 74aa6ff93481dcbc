// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/wanted"
	"github.com/cilium/monitor/testutils"
)

// wantedMap is the map beside an events map that a datapath looks at.
type wantedMap struct{ *ebpf.Map }

// wantedSize is how many bytes the value of such a map has, wantedSizeOfV1 how many it had without packets.
const wantedSize, wantedSizeOfV1 = uint32(unsafe.Sizeof(wanted.Value{})), 40

// withWanted pins such a map beside f's events map.
func withWanted(t *testing.T, f *fixture) wantedMap {
	t.Helper()
	return pinWanted(t, f, wantedSize)
}

// pinWanted is withWanted for a value of so many bytes.
func pinWanted(t *testing.T, f *fixture, size uint32) wantedMap {
	t.Helper()
	m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: size, MaxEntries: 1})
	require.NoError(t, err)
	t.Cleanup(func() { m.Close() })
	pin, err := bpf.PinMap(m, f.Stats().EventsMap+wanted.Suffix)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pin.Remove()) })
	return wantedMap{m}
}

func (m wantedMap) types(t *testing.T) *source.Types {
	t.Helper()
	whole, err := m.LookupBytes(uint32(0))
	require.NoError(t, err)
	types := new(source.Types)
	_, err = binary.Decode(whole[8:], binary.NativeEndian, types)
	require.NoError(t, err)
	return types
}

// TestWantedMap has a datapath look at what is wanted.
func TestWantedMap(t *testing.T) {
	f := start(t)
	m := withWanted(t, f)
	require.NoError(t, f.AttachToEventsMap(8))
	drops := &picky{wants: interest.Types(api.MessageTypeDrop)}
	f.RegisterNewConsumer(drops)
	require.Equal(t, typesOf(api.MessageTypeDrop), m.types(t))
	require.True(t, f.Stats().Sources[0].Selective)
	traces := &picky{wants: interest.Types(api.MessageTypeTrace)}
	f.RegisterNewConsumer(traces)
	require.Equal(t, typesOf(api.MessageTypeDrop, api.MessageTypeTrace), m.types(t))

	require.NoError(t, m.Put(uint32(0), wanted.Value{Version: wanted.Version}))
	eventually(t, func() bool { return *m.types(t) == *typesOf(api.MessageTypeDrop, api.MessageTypeTrace) }, "somebody else's word is noticed")
	eventually(t, func() bool { return f.Stats().Sources[0].Reopened == 1 }, "and said, since events may be missing")

	f.RemoveConsumer(traces)
	require.Equal(t, typesOf(api.MessageTypeDrop), m.types(t))
	f.RemoveConsumer(drops)
	require.Equal(t, typesOf(), m.types(t))
	f.RegisterNewConsumer(drops)
	f.stop()
	var value wanted.Value
	require.NoError(t, m.Lookup(uint32(0), &value))
	require.Zero(t, value.Version, "everything is wanted: who reads the events now may not know of the map")
}

// TestWantedMapTakenOver has an agent take the events map over from another one, which then says nothing any more of
// what is wanted.
func TestWantedMapTakenOver(t *testing.T) {
	f := start(t)
	m := withWanted(t, f)
	require.NoError(t, f.AttachToEventsMap(8))
	f.RegisterNewConsumer(&picky{wants: interest.Types(api.MessageTypeDrop)})

	next := agent.NewAgent(t.Context(), agent.WithEventsMap(f.Stats().EventsMap), agent.WithTakeOver())
	require.NoError(t, next.AttachToEventsMap(8))
	next.RegisterNewConsumer(&picky{wants: interest.Types(api.MessageTypeTrace)})
	require.Equal(t, typesOf(api.MessageTypeTrace), m.types(t))
	eventually(t, func() bool { return f.Stats().Sources[0].Error != "" }, "the first agent notices")
	f.RegisterNewConsumer(&picky{})
	require.Equal(t, typesOf(api.MessageTypeTrace), m.types(t))
	f.stop()
	require.Equal(t, typesOf(api.MessageTypeTrace), m.types(t))
}

// TestWantedMapOfNewerDatapath has a map with fields that the agent does not know, at the end.
func TestWantedMapOfNewerDatapath(t *testing.T) {
	f := start(t)
	m := pinWanted(t, f, wantedSize+16)
	require.NoError(t, m.Put(uint32(0), struct {
		wanted.Value
		Newer [2]uint64
	}{Newer: [2]uint64{1, 2}}))
	require.NoError(t, f.AttachToEventsMap(8))
	f.RegisterNewConsumer(&picky{wants: interest.Types(api.MessageTypeDrop)})
	require.Empty(t, f.Stats().Sources[0].Error)
	require.True(t, f.Stats().Sources[0].Selective)
	var value struct {
		wanted.Value
		Newer [2]uint64
	}
	require.NoError(t, m.Lookup(uint32(0), &value))
	require.EqualValues(t, wanted.Version, value.Version)
	require.Equal(t, *typesOf(api.MessageTypeDrop), value.Types)
	require.Equal(t, [2]uint64{1, 2}, value.Newer, "they stay as they are")

	value.Newer[0] = 3
	require.NoError(t, m.Put(uint32(0), &value))
	value.Types = source.Types{}
	require.NoError(t, m.Put(uint32(0), &value))
	eventually(t, func() bool {
		require.NoError(t, m.Lookup(uint32(0), &value))
		return value.Types == *typesOf(api.MessageTypeDrop)
	}, "somebody else's word is noticed")
	require.EqualValues(t, 3, value.Newer[0])
}

// TestWantedMapOfOlderDatapath has a map without room for packets: all of a type are wanted then.
func TestWantedMapOfOlderDatapath(t *testing.T) {
	f := start(t)
	m := pinWanted(t, f, wantedSizeOfV1)
	require.NoError(t, f.AttachToEventsMap(8))
	f.RegisterNewConsumer(&picky{wants: ofPort(443)})
	require.Empty(t, f.Stats().Sources[0].Error)
	require.Equal(t, typesOf(api.MessageTypeTrace), m.types(t))
	require.NoError(t, m.Put(uint32(0), [5]uint64{}))
	eventually(t, func() bool { return *m.types(t) == *typesOf(api.MessageTypeTrace) }, "somebody else's word is noticed")
}

// TestWantedMapPackets tells a datapath about packets, as long as there is room for all rules.
func TestWantedMapPackets(t *testing.T) {
	f := start(t)
	m := withWanted(t, f)
	require.NoError(t, f.AttachToEventsMap(8))
	value := func() (v wanted.Value) {
		require.NoError(t, m.Lookup(uint32(0), &v))
		return v
	}
	var consumers []*picky
	for i := range uint16(wanted.MaxRules) {
		consumers = append(consumers, &picky{wants: ofPort(i)})
		f.RegisterNewConsumer(consumers[i])
		v := value()
		require.Equal(t, *typesOf(api.MessageTypeTrace), v.Refined)
		require.EqualValues(t, i+1, v.RuleCount)
		require.EqualValues(t, i, v.Rules[i].LastPort)
	}
	drops := &picky{wants: interest.Interest{Types: []uint8{api.MessageTypeDrop}, DropReasons: []uint8{133}}}
	f.RegisterNewConsumer(drops)
	require.Equal(t, *typesOf(api.MessageTypeTrace), value().Refined)
	require.Equal(t, *typesOf(133), value().DropReasons)
	tooMany := &picky{wants: ofPort(1000)}
	f.RegisterNewConsumer(tooMany)
	require.Zero(t, value().Refined, "all traces are wanted")
	f.RemoveConsumer(tooMany)
	require.Equal(t, *typesOf(api.MessageTypeTrace), value().Refined)
	everyTrace := &picky{wants: interest.Types(api.MessageTypeTrace)}
	f.RegisterNewConsumer(everyTrace)
	require.Zero(t, value().Refined)
}

// ofPort is the interest in traces of a port.
func ofPort(port uint16) interest.Interest {
	return interest.Interest{
		Types:   []uint8{api.MessageTypeTrace},
		Packets: []session.PacketRule{{Ports: []session.PortRange{{First: port, Last: port}}}},
	}
}

// TestForeignWantedMap has another map where that which says what is wanted should be: the datapath makes all, and that is said.
func TestForeignWantedMap(t *testing.T) {
	overBoth(t, func(t *testing.T, kind testutils.GeneratorOptions) {
		health, root := cell.NewSimpleHealth()
		f := startOn(t, kind, nil, agent.WithHealth(health))
		m, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Hash, KeySize: 4, ValueSize: 8, MaxEntries: 1})
		require.NoError(t, err)
		defer m.Close()
		pin, err := bpf.PinMap(m, f.Stats().EventsMap+wanted.Suffix)
		require.NoError(t, err)
		defer func() { require.NoError(t, pin.Remove()) }()
		require.NoError(t, f.AttachToEventsMap(8))
		traces := &picky{wants: interest.Types(api.MessageTypeTrace)}
		f.RegisterNewConsumer(traces)
		require.NoError(t, f.gen.EmitTrace(3))
		require.NoError(t, f.gen.EmitSample([]byte{api.MessageTypeDrop, 133, 0, 0}, 2))
		eventually(t, func() bool { return f.Stats().Unwanted == 2 && f.Stats().Datapath.Events() == 3 }, "it is read, and all is made")

		const text = "_wanted is a map of type Hash"
		eventually(t, func() bool { return strings.Contains(f.Stats().Sources[0].Error, text) }, "that is said")
		stats := f.Stats().Sources[0]
		require.True(t, stats.Reading)
		require.False(t, stats.Selective)
		require.Zero(t, stats.Failures)
		require.Contains(t, stats.Error, "all events are made")
		root.Lock()
		defer root.Unlock()
		require.Equal(t, cell.StatusDegraded, root.Level)
		require.ErrorContains(t, root.Error, text)
	})
}
