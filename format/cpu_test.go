// SPDX-License-Identifier: Apache-2.0

package format_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

// TestCPU has the first CPU, others, and none.
func TestCPU(t *testing.T) {
	for cpu, want := range map[int]string{-1: "", 0: ", CPU 0", 1: ", CPU 1", 100: ", CPU 100"} {
		pl := debug(api.DebugICMP6Handle, 1, 0, 0)
		line := print(format.Options{Level: format.LevelDebug}, &payload.Payload{Type: payload.EventSample, CPU: cpu, Data: pl.Data})
		require.Regexp(t, ", flow 0x1234abcd"+want+"\n$", line)
	}
}
