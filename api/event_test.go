// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
)

// structOf returns the struct of an event that its type says is set.
func structOf(e *api.Event) message {
	switch e.Type {
	case api.MessageTypeDrop:
		return &e.Drop
	case api.MessageTypeDebug:
		return &e.Debug
	case api.MessageTypeCapture:
		return &e.Capture
	case api.MessageTypeTrace:
		return &e.Trace
	case api.MessageTypePolicyVerdict:
		return &e.PolicyVerdict
	case api.MessageTypeTraceSock:
		return &e.TraceSock
	case api.MessageTypeKernelDrop:
		return &e.KernelDrop
	case api.MessageTypeAgent:
		return &e.Agent
	}
	return nil
}

func TestEventDecode(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	var e api.Event
	for range 20 {
		for _, l := range layouts {
			msg, packet := random(t, l, rnd)
			require.NoError(t, e.Decode(append(append(msg.Append(nil), packet...), make([]byte, 7)...)))
			require.Equal(t, l.typ, e.Type)
			require.NotNil(t, structOf(&e), "%s: add a case to structOf in this file", l)
			require.Equal(t, msg, structOf(&e))
			require.Equal(t, string(packet), string(e.Packet))
		}
		agent := api.AgentNotify{Type: api.AgentNotifyStart, Text: "{}"}
		require.NoError(t, e.Decode(agent.Append(nil)))
		require.Equal(t, api.MessageTypeAgent, e.Type)
		require.Equal(t, agent, e.Agent)
		require.Nil(t, e.Packet)
	}
	require.NoError(t, e.Decode([]byte{api.MessageTypeAccessLog, 1, 2}))
	require.Equal(t, api.MessageTypeAccessLog, e.Type)

	require.ErrorIs(t, e.Decode([]byte{6, 1}), api.ErrUnknownType)
	require.ErrorIs(t, e.Decode(nil), api.ErrTruncated)
}

// A sample cut in its packet says all that the header has.
func TestEventDecodeCutPacket(t *testing.T) {
	drop := api.DropNotify{Type: api.MessageTypeDrop, SubType: 133, CapLen: 100, Version: 1}
	var e api.Event
	require.NoError(t, e.Decode(append(drop.Append(nil), make([]byte, 100)...)))
	err := e.Decode(append(drop.Append(nil), make([]byte, 99)...))
	requireDecodeError(t, err, api.ErrTruncated, api.DecodeError{Type: api.MessageTypeDrop, Version: 1, Want: 136, Got: 135})
	require.Equal(t, drop, e.Drop)
	require.Nil(t, e.Packet)
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	var e api.Event
	for _, l := range layouts {
		msg, packet := random(t, l, rnd)
		sample := append(msg.Append(nil), packet...)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := e.Decode(sample); err != nil {
				t.Fatal(err)
			}
		}), "decode %s", l)
		require.Zero(t, testing.AllocsPerRun(100, func() { sample = msg.Append(sample[:0]) }), "append %s", l)
	}
}

func BenchmarkEventDecode(b *testing.B) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for _, l := range layouts {
		b.Run(l.String(), func(b *testing.B) {
			msg, packet := random(b, l, rnd)
			sample := append(msg.Append(nil), packet...)
			var e api.Event
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Decode(sample); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	rnd := rand.New(rand.NewPCG(11, 12))
	for _, l := range layouts {
		b.Run(l.String(), func(b *testing.B) {
			msg, _ := random(b, l, rnd)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = msg.Append(buf[:0])
			}
		})
	}
}

// TestEventDecodesEachType has a sample of each message type that no struct decodes. A type that
// was forgotten decodes as nothing.
func TestEventDecodesEachType(t *testing.T) {
	for _, name := range api.MessageTypeNames() {
		typ, err := api.ParseMessageType(name)
		require.NoError(t, err)
		if typ == api.MessageTypeAccessLog { // package accesslog does
			continue
		}
		var ev api.Event
		require.Error(t, ev.Decode([]byte{byte(typ)}), "%s: add a case to Event.Decode in event.go", name)
		require.Equal(t, typ, ev.Type)
		if typ < api.MessageTypeAccessLog {
			require.True(t, slices.ContainsFunc(layouts, func(l layout) bool { return l.typ == typ }),
				"%s: add what it looks like on the wire, in each version, to layouts in layout_test.go", name)
		}
	}
}
