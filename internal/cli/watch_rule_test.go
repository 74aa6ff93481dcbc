// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWatchTellsRule has a watch in a process of its own tell which rule of the agent's denied a packet, live
// and from a recording, each of its files, and print nothing for being told the rules; and so has the agent's shell.
func TestWatchTellsRule(t *testing.T) {
	const rule = "udp/9999@127.0.0.9/32"
	a := startAgent(t, "--device", "lo", "--deny", "tcp/1@192.0.2.1", "--deny", rule)
	a.waitStderr("Attached to the events map")
	recording := filepath.Join(t.TempDir(), "events")
	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket, "--record", recording, "--rotate-size", "1",
		"-j", "-t", "drop,policy-verdict,agent", "--count", "4", "--summary")
	w.waitStderr("Connected")
	shell := startMonitor(t, "shell", "--shell-sock-path", a.shell, "monitor/watch", "-t", "drop", "--count", "1")

	conn, err := net.Dial("udp", "127.0.0.9:9999")
	require.NoError(t, err)
	defer conn.Close()
	waitUntil(t, func() bool {
		_, _ = conn.Write([]byte("denied")) // an error is of one that was denied before
		for _, p := range []*process{w, shell} {
			select {
			case <-p.exited:
			default:
				return false
			}
		}
		return true
	})
	w.waitExit(0)
	shell.waitExit(0)
	require.Regexp(t, `^\S+ DROP \S+ -> 127\.0\.0\.9:9999 udp: Policy denied, lo, rule `+rule+`\n$`, strings.TrimSuffix(shell.stdout.String(), "\n"))

	lines := strings.Split(strings.TrimSpace(w.stdout.String()), "\n")
	require.Len(t, lines, 5)
	for i, typ := range []string{"policy-verdict", "drop", "policy-verdict", "drop"} {
		require.Contains(t, lines[i], `"type":"`+typ+`"`)
		require.Contains(t, lines[i], `"rule":"`+rule+`"`)
	}
	require.Contains(t, lines[4], `"kind":"Policy denied (133), rule `+rule+`"`, "the summary")
	require.NotContains(t, w.stderr.String(), "deny rules")

	files, err := filepath.Glob(recording + "*")
	require.NoError(t, err)
	drops := 0
	for _, file := range files {
		read := run(t, "watch", "--read", file, "-j", "-t", "drop,policy-verdict")
		read.waitExit(0)
		drops += strings.Count(read.stdout.String(), `"type":"drop"`)
		require.Equal(t, strings.Count(read.stdout.String(), "\n"), strings.Count(read.stdout.String(), `"rule":"`+rule+`"`), file)
	}
	require.GreaterOrEqual(t, len(files), 3)
	require.GreaterOrEqual(t, drops, 2)
}
