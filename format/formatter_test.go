// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestShapes has the lines that scripts grep for, word for word.
func TestShapes(t *testing.T) {
	for want, pl := range map[string]*payload.Payload{
		"xx drop (Policy denied) flow 0x1234abcd to endpoint 7, ifindex 2, file bpf_lxc.c:42, identity 4711->world: 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN\n": drop(synPacket),

		"-> endpoint 7 flow 0x1234abcd, identity host->4711 state established ifindex eth0 orig-ip 1.2.3.4: 10.0.0.1 -> 10.0.0.2 icmp EchoRequest\n": trace(icmpPacket),

		"Policy verdict log: flow 0x1234abcd local EP ID 12, remote ID world, proto 6, ingress, action deny, auth: disabled, match none, [fd00::1]:34567 -> [fd00::2]:443 tcp SYN, ACK\n": verdict(tcp6Packet),

		">> Endpoint created: {\"id\":7}\n": agent(api.AgentNotifyEndpointCreated, `{"id":7}`),

		"CPU 01: Lost 5 events\n": lost(5, 1),
	} {
		require.Equal(t, want, print(format.Options{}, pl))
	}
	require.Equal(t, "CPU 01: MARK 0x1234abcd FROM 12 DEBUG: identity 4711 inherited from the stack\n",
		print(format.Options{Level: format.LevelDebug}, debug(api.DebugInheritIdentity, 4711, 0, 0)))
	require.Contains(t, print(format.Options{}, lost(5, payload.CPULostByReader)), "Lost 5 events")
}

// TestCPU checks the width of the number.
func TestCPU(t *testing.T) {
	require.Equal(t, "CPU 00: Lost 1 events\n", print(format.Options{}, lost(1, 0)))
	require.Equal(t, "CPU 09: Lost 1 events\n", print(format.Options{}, lost(1, 9)))
	require.Equal(t, "CPU 10: Lost 1 events\n", print(format.Options{}, lost(1, 10)))
	require.Equal(t, "CPU 255: Lost 1 events\n", print(format.Options{}, lost(1, 255)))
}

// TestTimestampsAlign checks that the width of a timestamp does not depend on the time.
func TestTimestampsAlign(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 120_000_000, time.FixedZone("", 2*60*60))
	require.Equal(t, "2026-01-02T03:04:05.120000+02:00 CPU 01: Lost 5 events\n",
		print(format.Options{Clock: func() time.Time { return now }}, lost(5, 1)))
}

// TestEventReuse checks that nothing of an event is left in the next.
func TestEventReuse(t *testing.T) {
	var all []named
	for _, g := range groups(t) {
		all = append(all, g.payloads...)
	}
	for _, opts := range []format.Options{{Level: format.LevelVerbose}, {Output: format.OutputJSON}} {
		f := format.New(opts)
		ev := format.NewEvent(interfaceName)
		for i, first := range all {
			second := all[(i*7+3)%len(all)]
			ev.Decode(first.payload)
			f.Append(nil, ev)
			ev.Decode(second.payload)
			require.Equal(t, print(opts, second.payload), string(f.Append(nil, ev)), "%s after %s", second.name, first.name)
		}
	}
}

// TestAppend checks that what is in the buffer stays.
func TestAppend(t *testing.T) {
	ev := format.NewEvent(interfaceName)
	for _, opts := range []format.Options{{}, {Output: format.OutputJSON}, {Hex: true}} {
		ev.Decode(agent(api.AgentNotifyGeneric, "{}"))
		require.Contains(t, string(format.New(opts).Append([]byte("before "), ev)), "before ")
	}
}

func TestEventAccessors(t *testing.T) {
	ev := format.NewEvent(interfaceName)

	ev.Decode(drop(tcpPacket[14:], func(n *api.DropNotify) { n.Flags, n.OrigLen = api.FlagL3Device, 9000 }))
	packet, origLen := ev.Packet()
	require.Equal(t, tcpPacket[14:], packet)
	require.EqualValues(t, 9000, origLen)
	require.True(t, ev.IsL3Device())
	require.Equal(t, api.MessageTypeDrop, ev.Type())
	index, name := ev.Interface()
	require.EqualValues(t, 2, index)
	require.Equal(t, "eth0", name)

	ev.Decode(capture(api.CaptureProxyPost, 2, udpPacket))
	packet, origLen = ev.Packet()
	require.Equal(t, udpPacket, packet)
	require.EqualValues(t, len(udpPacket), origLen)
	require.False(t, ev.IsL3Device())
	index, name = ev.Interface()
	require.Zero(t, index, "it is a port")
	require.Empty(t, name)

	ev.Decode(lost(5, 1))
	require.EqualValues(t, 5, ev.Lost())
	require.Zero(t, ev.Type())
	require.NoError(t, ev.Err())

	ev.Decode(sample(trace(udpPacket).Data[:80]))
	require.ErrorIs(t, ev.Err(), api.ErrTruncated)
	packet, origLen = ev.Packet()
	require.Nil(t, packet)
	require.Zero(t, origLen)
	require.Zero(t, ev.Lost())
}
