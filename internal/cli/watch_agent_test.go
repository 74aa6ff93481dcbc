// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"

	"github.com/cilium/monitor/testutils"
)

// TestWatchUntilOldAgent asks an agent that knows nothing of times, which serves the API 1.2 only, for events until one.
func TestWatchUntilOldAgent(t *testing.T) {
	p := start(t, serveOld(t, testutils.SocketPath(t)).watch("--until", "0s"))
	p.waitExit(0)
	p.waitStderr("it only serves the monitor API 1.2")
}
