// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// droppedOn returns a drop on an interface.
func droppedOn(ifindex uint32) *payload.Payload {
	return drop(synPacket, func(n *api.DropNotify) { n.Ifindex = ifindex })
}

// TestInterfacesOfThisHost has the names of the network namespace that the test is in.
func TestInterfacesOfThisHost(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	require.NoError(t, err)
	ev := format.NewEvent(nil)
	ev.Decode(droppedOn(uint32(lo.Index)))
	index, name := ev.Interface()
	require.EqualValues(t, lo.Index, index)
	require.Equal(t, "lo", name)
}

// TestSetInterfaces gives an event other names, and alternative ones.
func TestSetInterfaces(t *testing.T) {
	ev := format.NewEvent(interfaceName)
	has := func(filter string) bool {
		f, err := format.ParseFilter([]string{"--interface", filter})
		require.NoError(t, err)
		return f.Match(ev)
	}
	ev.Decode(droppedOn(2))
	require.True(t, has("eth0"))
	require.True(t, has("2"))
	require.False(t, has("enp1s0"))

	ev.SetInterfaces(format.NewInterfaceNames(func() ([]format.Interface, error) {
		return []format.Interface{{Index: 2, Name: "wan", AltNames: []string{"enp1s0", "uplink"}}}, nil
	}))
	ev.Decode(droppedOn(2))
	_, name := ev.Interface()
	require.Equal(t, "wan", name)
	for _, name := range []string{"wan", "enp1s0", "uplink", "2"} {
		require.True(t, has(name), name)
	}
	require.False(t, has("eth0"))
	require.Contains(t, string(format.New(format.Options{}).Append(nil, ev)), ", wan, ")

	ev.Decode(droppedOn(0))
	index, name := ev.Interface()
	require.Zero(t, index)
	require.Empty(t, name)
	for _, name := range []string{"wan", "0", "2"} {
		require.False(t, has(name), name)
	}
}
