// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWatchTellsRule has a watch in a process of its own tell which rule of the agent's denied a packet, live
// and from a recording, and print nothing for being told the rules.
func TestWatchTellsRule(t *testing.T) {
	const rule = "udp/9999@127.0.0.9/32"
	a := startAgent(t, "--device", "lo", "--deny", "tcp/1@192.0.2.1", "--deny", rule)
	a.waitStderr("Attached to the events map")
	recording := filepath.Join(t.TempDir(), "events")
	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket, "--record", recording,
		"-j", "-t", "drop,policy-verdict,agent", "--count", "2")
	w.waitStderr("Connected")

	conn, err := net.Dial("udp", "127.0.0.9:9999")
	require.NoError(t, err)
	defer conn.Close()
	waitUntil(t, func() bool {
		_, _ = conn.Write([]byte("denied")) // an error is of one that was denied before
		select {
		case <-w.exited:
			return true
		default:
			return false
		}
	})
	w.waitExit(0)

	lines := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
	require.Len(t, lines, 2)
	for i, typ := range []string{"policy-verdict", "drop"} {
		require.Contains(t, lines[i], `"type":"`+typ+`"`)
		require.Contains(t, lines[i], `"rule":"`+rule+`"`)
	}
	require.NotContains(t, w.stderr.String(), "deny rules")

	read := run(t, "watch", "--read", recording, "-j", "-t", "drop,policy-verdict")
	read.waitExit(0)
	require.Contains(t, read.stdout.String(), `"type":"drop"`)
	require.Equal(t, strings.Count(read.stdout.String(), "\n"), strings.Count(read.stdout.String(), `"rule":"`+rule+`"`))
}
