// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
)

func TestFakeListener(t *testing.T) {
	a, _ := newTestAgent(t)
	l := new(FakeListener)
	a.RegisterNewListener(l)
	send(t, a, "hello")
	require.NoError(t, l.WaitFor(t.Context(), 1))
	l.Enqueue(&payload.Payload{Lost: 4, Type: payload.RecordLost})
	require.NoError(t, l.WaitFor(t.Context(), 5))
	events, lost := l.Counts()
	require.EqualValues(t, 1, events)
	require.EqualValues(t, 4, lost)
	require.Len(t, l.Payloads(), 2)

	a.RemoveListener(l)
	require.NoError(t, l.WaitClosed(t.Context()))
	require.ErrorIs(t, l.WaitFor(t.Context(), 6), errEnded)
}
