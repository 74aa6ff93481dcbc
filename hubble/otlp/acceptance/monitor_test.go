// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/testutils"
)

// monitor is an agent that sends to a collector.
type monitor struct {
	*exec.Cmd
	t      *testing.T
	output bytes.Buffer  // to be read once it has ended
	ended  chan struct{} // closed then
}

func startMonitor(t *testing.T, c *collector, flags ...string) *monitor {
	t.Helper()
	dir := filepath.Dir(testutils.SocketPath(t))
	m := &monitor{t: t, ended: make(chan struct{})}
	m.Cmd = exec.Command(monitorBinary(t), append([]string{
		"agent", "--monitor-socket-path", filepath.Join(dir, "monitor.sock"), "--hubble-socket-path=", "--hubble-node-name=node",
		"--hubble-otlp-endpoint=http://" + c.address, "--hubble-otlp-protocol=" + c.protocol,
	}, flags...)...)
	m.Stdout, m.Stderr = &m.output, &m.output
	require.NoError(t, m.Start())
	go func() {
		defer close(m.ended)
		_ = m.Wait() // how it ended is in ProcessState
	}()
	t.Cleanup(m.end)
	return m
}

// end ends it. It sends what is left first.
func (m *monitor) end() {
	_ = m.Process.Signal(syscall.SIGTERM)
	<-m.ended
	if m.t.Failed() {
		m.t.Logf("the monitor said:\n%s", &m.output)
	}
}

// memory returns the bytes that it has resident.
func (m *monitor) memory() int {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(m.Process.Pid), "statm"))
	require.NoError(m.t, err)
	pages, err := strconv.Atoi(string(bytes.Fields(text)[1]))
	require.NoError(m.t, err)
	return pages * os.Getpagesize()
}

// waitUntil waits until a condition holds.
func waitUntil(t *testing.T, condition func() bool, failure string) {
	t.Helper()
	deadline := time.After(timeout)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			require.Fail(t, failure)
		}
	}
}
