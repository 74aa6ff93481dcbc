// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestNothingLeftOfAnEvent decodes what has no type, no packet or no rule after what has.
func TestNothingLeftOfAnEvent(t *testing.T) {
	l3 := drop(synPacket[14:], func(n *api.DropNotify) { n.Flags = api.FlagL3Device })
	for name, first := range map[string]*payload.Payload{
		"drop": l3, "agent": agent(api.AgentNotifyStart, "{}"), "wrong agent": sample([]byte{api.MessageTypeAgent}),
	} {
		for next, pl := range map[string]*payload.Payload{
			"lost": lost(5, 1), "empty": sample(nil), "unknown": sample([]byte{77}), "payload": {Type: 3}, "agent": agent(api.AgentNotifyStart, "{}"),
		} {
			for _, asked := range []bool{false, true} {
				ev, alone := format.NewEvent(interfaceName), format.NewEvent(interfaceName)
				alone.Decode(pl)
				ev.Decode(first)
				if asked {
					_ = ev.Err()
				}
				ev.Decode(pl)
				require.Equal(t, alone.Err(), ev.Err(), "%s after %s", next, name)
				require.Equal(t, alone.Type(), ev.Type())
				require.Equal(t, alone.Lost(), ev.Lost())
				require.False(t, ev.IsL3Device())
				index, _ := ev.Interface()
				require.Zero(t, index, "%s after %s", next, name)
				packet, origLen := ev.Packet()
				require.Nil(t, packet)
				require.Zero(t, origLen, "%s after %s", next, name)
			}
		}
	}
}

// TestVerdictIsOfOneDrop has a drop after the one that is joined with a verdict, of the same packet.
func TestVerdictIsOfOneDrop(t *testing.T) {
	lines, _, _ := joined(format.Options{}, verdict(synPacket), drop(synPacket), drop(synPacket))
	alone := print(format.Options{}, drop(synPacket))
	require.Greater(t, len(lines), 2*len(alone))
	require.Equal(t, alone, lines[len(lines)-len(alone):])
}

// TestDecodedOnce counts how often the function of a registered type is called, whatever is asked of the event.
func TestDecodedOnce(t *testing.T) {
	calls := 0
	unregister, err := format.RegisterType(&format.Type{
		Number: 101, Name: "own", Level: format.LevelDebug,
		Decode: func(*format.Sample) error { calls++; return nil },
		Line:   func(*format.Line, *format.Sample) {},
		JSON:   func(*format.Object, *format.Sample) {},
	})
	require.NoError(t, err)
	defer unregister()
	ev := format.NewEvent(interfaceName)
	ev.Decode(sample([]byte{101}))
	require.Zero(t, calls, "nothing was asked")
	for range 3 {
		require.NoError(t, ev.Err())
		ev.Packet()
		format.New(format.Options{Level: format.LevelDebug}).Append(nil, ev)
		require.Equal(t, 1, calls)
	}
}
