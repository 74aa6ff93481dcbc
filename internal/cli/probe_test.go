// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/testutils"
)

// TestProbe asks an agent that reads, whether or not somebody is subscribed.
func TestProbe(t *testing.T) {
	a := startAgent(t, "--device", "lo")
	a.waitStderr("Attached to the events map")
	probe := func() *process { return run(t, "status", "--probe", "--shell-sock-path", a.shell) }
	waitUntil(t, func() bool { return probe().ProcessState.ExitCode() == 0 })
	w := startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	w.waitStderr("Connected to the agent")

	p := probe()
	p.waitExit(0)
	require.Empty(t, p.stdout.String()+p.stderr.String())
}

// TestProbeReadFailure has reading fail, for want of descriptors for the rings.
func TestProbeReadFailure(t *testing.T) {
	a := startAgent(t, "--history", "none") // so that it begins to read with the client
	datapath, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer datapath.Close()
	require.NoError(t, datapath.Pin(a.eventsMap))
	a.waitStderr("Attached to the events map")
	probe := func() *process { return run(t, "status", "--probe", "--shell-sock-path", a.shell) }
	waitUntil(t, func() bool { return probe().ProcessState.ExitCode() == 0 })

	// The client and the shell get theirs.
	restore := a.limitDescriptors(2)
	startMonitor(t, "watch", "--monitor-socket-path", a.socket)
	var p *process
	waitUntil(t, func() bool {
		p = probe()
		return strings.Contains(p.stderr.String(), "Reading the perf ring buffers failed")
	})
	p.waitExit(exitUnwell)
	restore()
	waitUntil(t, func() bool { return probe().ProcessState.ExitCode() == 0 })
}

// TestProbeAcceptFailure has the agent run out of descriptors with its last client: it is well again
// when there are some, without another client.
func TestProbeAcceptFailure(t *testing.T) {
	a := startAgent(t)
	a.exhaustDescriptors("unix", a.socket, "Accepting connections to the monitor API failed")()
	waitUntil(t, func() bool {
		p := run(t, "status", "--shell-sock-path", a.shell)
		return strings.Contains(p.stdout.String(), "Serving the monitor API 1.2 on ")
	})
}

// TestStatusTimeout asks what accepts connections and never answers, and what does not even
// accept them.
func TestStatusTimeout(t *testing.T) {
	for name, accept := range map[string]bool{"accepts": true, "does not accept": false} {
		t.Run(name, func(t *testing.T) {
			path := testutils.SocketPath(t)
			l, err := net.Listen("unix", path)
			require.NoError(t, err)
			defer l.Close()
			if accept {
				accepted := make(chan struct{})
				defer func() { l.Close(); <-accepted }()
				go func() {
					defer close(accepted)
					for {
						conn, err := l.Accept()
						if err != nil {
							return
						}
						defer conn.Close()
					}
				}()
			}
			var all []*process
			for _, args := range [][]string{{}, {"-o", "json"}, {"--probe"}} {
				all = append(all, startMonitor(t, append([]string{"status", "--shell-sock-path", path}, args...)...))
			}
			for _, p := range all {
				p.requireFailure(exitFailed, "ask the agent for", "no answer within 5s")
			}
		})
	}
}

// TestStatusStopped asks an agent whose process is stopped.
func TestStatusStopped(t *testing.T) {
	a := startAgent(t)
	a.signal(unix.SIGSTOP)
	run(t, "status", "--probe", "--shell-sock-path", a.shell).requireFailure(exitFailed, "no answer within 5s")
	a.signal(unix.SIGCONT)
	run(t, "status", "--shell-sock-path", a.shell).waitExit(0)
}
