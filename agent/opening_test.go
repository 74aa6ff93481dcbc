// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
)

// TestOpening has each connection begin with what clients have to know, which is no event.
func TestOpening(t *testing.T) {
	f := start(t)
	path := f.socket + "2"
	require.NoError(t, agent.ServeMonitorAPI(f.Agent, agent.WithSocketPath(path),
		agent.WithOpening(api.MonitorNotice("first")), agent.WithOpening(api.MonitorNotice("second"))))
	f.socket = path
	for range 2 {
		c := f.connect(t)
		eventually(t, func() bool { return c.noticed("second") }, "the agent says it")
		require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
		eventually(t, func() bool { return c.delivered() == 1 }, "an event comes")
		c.mu.Lock()
		require.Len(t, c.notices, 2)
		require.Contains(t, c.notices[0], "first")
		c.mu.Unlock()
	}
	require.EqualValues(t, 3, f.Stats().ClientTotals.Accepted, "two for the first client, one for the second")
}
