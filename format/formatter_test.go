// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestCiliumShapes has the lines that scripts grep for, word for word.
func TestCiliumShapes(t *testing.T) {
	opts := format.Options{Output: format.OutputCilium}
	for want, pl := range map[string]*payload.Payload{
		"xx drop (Policy denied) flow 0x1234abcd to endpoint 7, ifindex 2, file bpf_lxc.c:42, , identity 4711->world: 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN\n": drop(synPacket),

		"-> endpoint 7 flow 0x1234abcd , identity host->4711 state established ifindex eth0 orig-ip 1.2.3.4: 10.0.0.1 -> 10.0.0.2 icmp EchoRequest\n": trace(icmpPacket),

		"Policy verdict log: flow 0x1234abcd local EP ID 12, remote ID world, proto 6, ingress, action deny, auth: disabled, match none, [fd00::1]:34567 -> [fd00::2]:443 tcp SYN, ACK\n": verdict(tcp6Packet),

		">> Endpoint created: {\"id\":7}\n": agent(api.AgentNotifyEndpointCreated, `{"id":7}`),

		"CPU 01: Lost 5 events\n": lost(5, 1),
	} {
		require.Equal(t, want, print(opts, pl))
	}
	require.Equal(t, "CPU 01: MARK 0x1234abcd FROM 12 DEBUG: Inheriting identity=4711 from stack\n",
		print(format.Options{Output: format.OutputCilium, Level: format.LevelDebug}, debug(api.DebugInheritIdentity, 4711, 0, 0)))
}

// TestNothingUnknown checks that lines for people leave out what events do not know.
func TestNothingUnknown(t *testing.T) {
	for want, pl := range map[string]*payload.Payload{
		"DROP 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: Policy denied\n": drop(synPacket, func(n *api.DropNotify) {
			n.Source, n.DstID, n.SrcLabel, n.DstLabel, n.Ifindex = 0, 0, 0, 0, 0
		}),
		"in   10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: eth0\n": trace(synPacket, func(n *api.TraceNotify) {
			n.ObsPoint, n.Reason, n.OrigIP = api.TraceFromNetwork, api.TraceReasonUnknown, [16]byte{}
			n.Source, n.DstID, n.SrcLabel, n.DstLabel = 0, 0, 0, 0
		}),
		"fwd  10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: to stack, to endpoint 7, from identity host\n": trace(synPacket, func(n *api.TraceNotify) {
			n.ObsPoint, n.Reason, n.OrigIP = api.TraceToStack, api.TraceReasonUnknown, [16]byte{}
			n.Source, n.DstLabel, n.Ifindex = 0, 0, 0
		}),
		"allow 10.0.0.1:34567 -> 10.0.0.2:80 tcp SYN: egress\n": verdict(synPacket, func(n *api.PolicyVerdictNotify) {
			n.Verdict, n.Flags, n.Source, n.RemoteLabel, n.Cookie = 0, api.PolicyEgress, 0, 0, 0
		}),
	} {
		require.Equal(t, want, print(format.Options{}, pl))
	}
	require.Equal(t, "deny [unknown]: tcp, port 80, ingress, match none\n", print(format.Options{}, verdict(nil, func(n *api.PolicyVerdictNotify) {
		n.Source, n.RemoteLabel, n.Cookie = 0, 0, 0
	})), "the verdict knows what the packet does not")
}

// TestRowOf80Columns checks that an everyday event is a row of a terminal that has no more.
func TestRowOf80Columns(t *testing.T) {
	opts := format.Options{Clock: time.Now}
	packet := ethernet(etherIPv4, ipv4(ipTCP, "192.0.2.1", "192.0.2.2", tcp(40000, 443, 2, nil, nil)))
	for _, pl := range []*payload.Payload{
		drop(packet, func(n *api.DropNotify) { n.Source, n.DstID, n.SrcLabel, n.DstLabel = 0, 0, 0, 0 }),
		trace(packet, func(n *api.TraceNotify) {
			n.ObsPoint, n.Reason, n.OrigIP = api.TraceToNetwork, api.TraceReasonUnknown, [16]byte{}
			n.Source, n.DstID, n.SrcLabel, n.DstLabel = 0, 0, 0, 0
		}),
		trace(tcpPacket, func(n *api.TraceNotify) {
			n.OrigIP, n.Source, n.SrcLabel, n.DstLabel, n.Ifindex, n.Reason = [16]byte{}, 0, 0, 0, 0, api.TraceReasonPolicy
		}),
		verdict(packet, func(n *api.PolicyVerdictNotify) { n.Source, n.RemoteLabel, n.Cookie = 0, 0, 0 }),
	} {
		line := strings.TrimSuffix(print(opts, pl), "\n")
		require.LessOrEqual(t, len(line), 80, line)
	}
}

// TestTimestamps checks what is before a line, and that its width does not depend on the time.
func TestTimestamps(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 120_000_000, time.FixedZone("", 2*60*60))
	for timestamps, want := range map[format.Timestamps][2]string{
		format.TimestampsTime:     {"03:04:05.120", "05:04:06.340"},
		format.TimestampsRelative: {"    0.000", " 7201.220"},
		format.TimestampsRFC3339:  {"2026-01-02T03:04:05.120000+02:00", "2026-01-02T05:04:06.340000+02:00"},
		format.TimestampsNone:     {"", ""},
	} {
		at := now
		f := format.New(format.Options{Output: format.OutputCilium, Clock: func() time.Time { return at }, Timestamps: timestamps})
		ev := format.NewEvent(interfaceName)
		ev.Decode(lost(5, 1))
		for _, before := range want {
			if before != "" {
				before += " "
			}
			require.Equal(t, before+"CPU 01: Lost 5 events\n", string(f.Append(nil, ev)), timestamps)
			at = now.Add(2*time.Hour + time.Second + 220*time.Millisecond)
		}
	}
}

// TestTimestampNames checks that each name is known, and what was the value of a switch.
func TestTimestampNames(t *testing.T) {
	for _, name := range format.TimestampNames() {
		var got format.Timestamps
		require.NoError(t, got.Set(name))
		require.Equal(t, name, got.String())
	}
	for name, want := range map[string]format.Timestamps{
		"true": format.TimestampsRFC3339, "false": format.TimestampsNone, "RFC3339": format.TimestampsRFC3339,
	} {
		var got format.Timestamps
		require.NoError(t, got.Set(name))
		require.Equal(t, want, got, name)
	}
	require.ErrorContains(t, new(format.Timestamps).Set("iso"), "it is time, relative, rfc3339 or none")
}

// TestOutputNames checks that each name is known.
func TestOutputNames(t *testing.T) {
	for _, name := range format.OutputNames() {
		var got format.Output
		require.NoError(t, got.Set(name))
		require.Equal(t, name, got.String())
	}
	require.ErrorContains(t, new(format.Output).Set("text"), "it is compact, cilium or json")
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
