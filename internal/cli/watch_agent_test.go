// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"testing"
	"time"

	"github.com/cilium/monitor/testutils"
)

// TestWatchUntilOldAgent asks an agent that knows nothing of times, which serves the API 1.2 only, for events until one.
func TestWatchUntilOldAgent(t *testing.T) {
	until := time.Now().Add(5 * time.Second).Format(time.RFC3339Nano)
	p := start(t, serveOld(t, testutils.SocketPath(t)).watch("--until", until))
	p.waitExit(0)
	p.waitStderr("it only serves the monitor API 1.2")
}
