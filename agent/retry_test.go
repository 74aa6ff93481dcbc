// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"strings"
	"testing"
	"time"

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

// TestLeaveWhileRetrying has the last subscriber leave at all moments around the one at
// which a reader that failed is started again.
func TestLeaveWhileRetrying(t *testing.T) {
	health, root := cell.NewSimpleHealth()
	f := attached(t, agent.WithHealth(health))
	c := &testutils.FakeConsumer{}
	for i := range 20 {
		restore := exhaustDescriptors(t)
		f.RegisterNewConsumer(c)
		eventually(t, func() bool {
			root.Lock()
			defer root.Unlock()
			return root.Level == cell.StatusDegraded
		}, "the reader failed")
		restore()
		<-time.After(80*time.Millisecond + time.Duration(i)*2*time.Millisecond)
		f.RemoveConsumer(c)
		require.Nil(t, f.State())
	}
}

// TestFailureLosesNothing has the reader fail while the rings have events: they are
// delivered all the same. A frozen map makes it fail, by the first change of mode.
func TestFailureLosesNothing(t *testing.T) {
	f := attached(t)
	c := &emittingConsumer{gen: f.gen}
	f.RegisterNewConsumer(c)
	require.NoError(t, f.gen.Map().Freeze())
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(1) }))
	eventually(t, func() bool { return f.State() == nil }, "the reader failed")
	eventually(t, func() bool {
		events, lost := c.Counts()
		return events+lost == f.emitted(t)
	}, "everything is delivered")
}

// emittingConsumer has the datapath emit two events for each of the first that it gets.
type emittingConsumer struct {
	testutils.FakeConsumer
	gen   *testutils.Generator
	calls int
}

// NotifyAgentEvent is called for what the agent says of the failure.
func (c *emittingConsumer) NotifyAgentEvent(int, any) {}

func (c *emittingConsumer) NotifyPerfEvent(data []byte, cpu int) {
	c.FakeConsumer.NotifyPerfEvent(data, cpu)
	if c.calls++; c.calls < 32 {
		_ = testutils.OnCPU(0, func() error { return c.gen.EmitTrace(2) })
	}
}
