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
		held := &heldEvents{most: tc.most, event: format.NewEvent(nil)}
		filter := &format.Filter{}
		data := make([]byte, 0, 16)
		for n := range tc.add {
			data = fmt.Appendf(data[:0], "\x04%d", n) // whose memory is used again
			held.add(&client.Event{Payload: payload.Payload{Data: data, Type: payload.EventSample}}, filter)
		}
		n := tc.first
		for _, e := range held.take() {
			require.Equal(t, fmt.Sprintf("\x04%d", n), string(e.Data))
			n++
		}
		require.Equal(t, tc.add, n)
		require.Empty(t, held.take())
	}
}
