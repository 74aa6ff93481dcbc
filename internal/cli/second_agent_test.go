// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestSecondAgent runs two agents on one map. The second one says who reads it already, where people
// look, and reads once the first one is gone; one that is told to takes the map away, and the first one
// says so.
func TestSecondAgent(t *testing.T) {
	first := startAgent(t, "--device", "lo")
	first.waitStderr("Attached to the events map")
	watch := startMonitor(t, "watch", "--monitor-socket-path", first.socket)
	watch.waitStderr("Connected to the agent")
	reads := fmt.Sprintf("process %d (", first.Process.Pid)
	waitUntil(t, func() bool {
		return strings.Contains(run(t, "status", "--shell-sock-path", first.shell).stdout.String(), " pages of ")
	})

	check := run(t, "agent", "--check", "--monitor-events-map", first.eventsMap, "--monitor-socket-path", newAgentPaths(t).socket)
	check.waitExit(0)
	check.waitStdout("somebody else reads the events map: " + reads)

	second := startAgent(t, "--monitor-events-map", first.eventsMap)
	second.waitStderr("Attached to the events map")
	waiting := startMonitor(t, "watch", "--monitor-socket-path", second.socket)
	waiting.waitStderr("The agent says: source events-map: Reading the perf ring buffers failed")
	waiting.waitStderr(reads)
	run(t, "status", "--probe", "--shell-sock-path", second.shell).waitExit(exitUnwell)
	run(t, "status", "--probe", "--shell-sock-path", first.shell).waitExit(0)

	second.signal(syscall.SIGTERM)
	second.waitExit(0)

	third := startAgent(t, "--monitor-events-map", first.eventsMap, "--monitor-take-over", "--history", "none")
	third.waitStderr("Attached to the events map")
	thief := startMonitor(t, "watch", "--monitor-socket-path", third.socket)
	thief.waitStderr("Connected to the agent")
	watch.waitStderr(fmt.Sprintf("process %d (", third.Process.Pid))
	run(t, "status", "--probe", "--shell-sock-path", first.shell).waitExit(exitUnwell)
	thief.signal(syscall.SIGINT) // nobody is subscribed to it any more
	watch.waitStderr("it is read again")
	run(t, "status", "--probe", "--shell-sock-path", first.shell).waitExit(0)
}
