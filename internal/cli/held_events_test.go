// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
)

// TestHeldEvents holds the last events, whatever comes before them.
func TestHeldEvents(t *testing.T) {
	for _, tc := range []struct{ most, add, first int }{{3, 0, 0}, {3, 2, 0}, {3, 3, 0}, {3, 4, 1}, {3, 6, 3}, {3, 8, 5}, {20000, 200000, 180000}} {
		held := &heldEvents{event: format.NewEvent(nil)}
		held.hold(tc.most)
		filter := &format.Filter{}
		data := make([]byte, 0, 16)
		for n := range tc.add {
			data = fmt.Appendf(data[:0], "\x04%d", n) // whose memory is used again
			held.add(&client.Event{Payload: payload.Payload{Data: data, Type: payload.EventSample}}, filter)
		}
		n := tc.first
		events, others := held.take()
		require.Zero(t, others)
		for _, e := range events {
			require.Equal(t, fmt.Sprintf("\x04%d", n), string(e.Data))
			n++
		}
		require.Equal(t, tc.add, n)
		events, _ = held.take()
		require.Empty(t, events)
	}
}

// TestHeldVerdicts holds drops, each with the verdict on its CPU that came before it and that nobody asked for.
func TestHeldVerdicts(t *testing.T) {
	filter, err := format.ParseFilter([]string{"--type", "drop"})
	require.NoError(t, err)
	held := &heldEvents{event: format.NewEvent(nil)}
	held.hold(2)
	for _, e := range []payload.Payload{
		{CPU: 0, Data: []byte("\x05a")}, {CPU: 0, Data: []byte("\x01a")},
		{CPU: 0, Data: []byte("\x05b")}, {CPU: 1, Data: []byte("\x05c")}, {CPU: 0, Data: []byte("\x05d")},
		{CPU: 0, Data: []byte("\x01d")}, {CPU: 1, Data: []byte("\x01c")}, {CPU: 1, Data: []byte("\x04x")},
	} {
		e.Type = payload.EventSample
		held.add(&client.Event{Payload: e}, filter)
	}
	events, others := held.take()
	var got []string
	for _, e := range events {
		got = append(got, string(e.Data))
	}
	require.Equal(t, []string{"\x05d", "\x01d", "\x05c", "\x01c"}, got)
	require.EqualValues(t, 3, others, "two verdicts and a trace are passed over")
}
