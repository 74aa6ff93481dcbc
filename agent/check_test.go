// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
)

func TestCheckPerfEvents(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: opens perf events")
	}
	support, err := agent.CheckPerfEvents(3)
	require.NoError(t, err)
	require.NotZero(t, support.CPUs)
	require.Equal(t, (1+4)*os.Getpagesize(), support.RingSize, "rounded up")
	require.True(t, support.CountsLosses)
	require.NoError(t, support.MapError)

	_, err = agent.CheckPerfEvents(agent.MaxPages + 1)
	require.ErrorContains(t, err, "65536")
}
