// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOpening connects to an agent that has no datapath: each client is told why when it connects, and
// all when the reason becomes another one.
func TestOpening(t *testing.T) {
	ctx := t.Context()
	a, socket := newTestAgent(t)
	connect := func() *Client {
		c, err := Connect(ctx, socket)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}

	before := connect()
	a.ReportNoDatapath("not yet")
	first := connect()
	send(t, a, "hello")
	require.NoError(t, first.WaitFor(ctx, 1))
	require.Equal(t, "not yet", first.Opening())
	require.Len(t, first.Payloads(), 1)

	a.ReportNoDatapath("it failed")
	a.ReportNoDatapath("it failed")
	second := connect()
	send(t, a, "hello")
	require.NoError(t, second.WaitFor(ctx, 1))
	require.Equal(t, "it failed", second.Opening())
	require.NoError(t, first.WaitFor(ctx, 3))
	require.Len(t, first.Payloads(), 3)
	require.NoError(t, before.WaitFor(ctx, 3))
	require.Empty(t, before.Opening())
}
