// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// TestRetry has the process run out of file descriptors when the reader is to open the
// rings: the agent says so, and reads as soon as it can.
func TestRetry(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	status := func() (cell.Level, string) {
		root.Lock()
		defer root.Unlock()
		return root.Level, root.Status
	}
	f := attached(t, agent.WithHealth(health))
	consumer := &testutils.FakeConsumer{}

	restore := exhaustDescriptors(t)
	f.RegisterNewConsumer(consumer)
	require.Nil(t, f.State())
	eventually(t, func() bool { level, _ := status(); return level == cell.StatusDegraded }, "the health is degraded")
	restore()
	eventually(t, func() bool { return f.State() != nil }, "the reader runs")
	eventually(t, func() bool { level, _ := status(); return level == cell.StatusOK }, "the health is well")
	require.True(t, f.emits(t))

	f.RemoveConsumer(consumer)
	_, text := status()
	require.True(t, strings.Contains(text, "Nobody is subscribed"), text)

	// A reader that is not wanted any more before it could start.
	restore = exhaustDescriptors(t)
	f.RegisterNewConsumer(consumer)
	f.RemoveConsumer(consumer)
	restore()
	require.Nil(t, f.State())
}

// exhaustDescriptors makes the process run out of file descriptors until restore is called.
func exhaustDescriptors(t *testing.T) (restore func()) {
	t.Helper()
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	free, err := os.Open("/dev/null")
	require.NoError(t, err)
	low := before
	low.Cur = uint64(free.Fd())
	require.NoError(t, free.Close())
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	return func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }
}
