// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/testutils"
)

const (
	// memoryLimit is that of the DaemonSet, memoryBound what docs/flags.md says the agent takes at
	// most, without clients of the API 1.3 and with events that are not kept. Both are in MiB.
	memoryLimit = 320
	memoryBound = 121
)

// TestMemoryBound runs the agent under a memory limit, with the default settings, while 1500 clients
// that do not read connect, and small and large events come as fast as they can be written. One
// client reads: it gets each event, or is told that it was lost.
func TestMemoryBound(t *testing.T) {
	requireRoot(t)
	binary := filepath.Join(t.TempDir(), "monitor") // the test's own may have the race detector, which takes more
	out, err := exec.Command("go", "build", "-race=false", "-o", binary, "../../cmd/monitor").CombinedOutput()
	require.NoError(t, err, string(out))
	paths := newAgentPaths(t)
	datapath, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	require.NoError(t, err)
	defer datapath.Close()
	require.NoError(t, datapath.Pin(paths.eventsMap))

	a := &agentProcess{agentPaths: paths}
	group := newMemoryGroup(t, memoryLimit<<20)
	a.process = start(t, exec.Command(binary, paths.args()...))
	group.add(t, a.Process.Pid)
	a.waitShell()

	reader := newCountingClient(t, a.socket)
	for range 1500 {
		conn, err := net.Dial("unix", a.socket)
		require.NoError(t, err)
		defer conn.Close()
	}
	large := make([]byte, testutils.MaxSampleLen) // one takes a block of the queue, of two with less the block is full
	for _, flood := range []struct {
		name  string
		emit  func() error
		times int
	}{
		{"small events", func() error { return datapath.EmitTrace(100_000) }, 10},
		{"32 KiB events", func() error { return datapath.EmitSample(large, 4) }, 2000}, // so few that the ring has room
		{"events of half a block", func() error { return datapath.EmitSample(large[100:], 4) }, 2000},
	} {
		var counters testutils.Counters
		for range flood.times {
			require.NoError(t, flood.emit())
			counters, err = datapath.Counters()
			require.NoError(t, err)
			waitUntil(t, func() bool {
				select {
				case <-a.exited:
					require.Fail(t, "the agent ended", a.ProcessState)
				default:
				}
				return reader.events.Load() == counters.Written+counters.NoSpace
			}, "the client that reads is told of each event")
		}
		t.Logf("%s: %d written, %d found the ring full; peak of memory: %d MiB", flood.name, counters.Written, counters.NoSpace, group.peak(t)>>20)
	}
	require.LessOrEqual(t, group.peak(t)>>20, memoryBound)
	a.signal(syscall.SIGINT)
	a.waitExit(0)
}

// countingClient counts the events that it reads or is told were lost.
type countingClient struct{ events atomic.Uint64 }

func newCountingClient(t *testing.T, socket string) *countingClient {
	c := &countingClient{}
	conn, err := client.Dial(t.Context(), socket)
	require.NoError(t, err)
	connected, ended := make(chan struct{}), make(chan struct{})
	first := true
	conn.OnIdle(func() {
		if !first { // the type information has come
			select {
			case <-connected:
			default:
				close(connected)
			}
		}
		first = false
	})
	go func() {
		defer close(ended)
		for pl, err := range conn.Payloads() {
			if err != nil {
				return
			}
			c.events.Add(max(1, pl.Lost))
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	<-connected
	return c
}

// memoryGroup is a memory cgroup.
type memoryGroup struct {
	dir      string
	peakFile string
}

// newMemoryGroup makes a cgroup with a limit in bytes, of version 1 or 2.
func newMemoryGroup(t *testing.T, limit int) *memoryGroup {
	t.Helper()
	g := &memoryGroup{peakFile: "memory.max_usage_in_bytes"}
	root, limitFile := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(root); errors.Is(err, os.ErrNotExist) {
		root, limitFile, g.peakFile = "/sys/fs/cgroup", "memory.max", "memory.peak"
		control := filepath.Join(root, "cgroup.subtree_control")
		if err := os.WriteFile(control, []byte("+memory"), 0); err != nil {
			t.Skipf("needs a memory cgroup: %v", err)
		}
	}
	g.dir = filepath.Join(root, fmt.Sprintf("monitor-test-%d", os.Getpid()))
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		t.Skipf("needs a memory cgroup: %v", err)
	}
	t.Cleanup(func() {
		waitUntil(t, func() bool { return os.Remove(g.dir) == nil }, "its last process is about to end")
	})
	require.NoError(t, os.WriteFile(filepath.Join(g.dir, limitFile), []byte(strconv.Itoa(limit)), 0))
	return g
}

func (g *memoryGroup) add(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0))
}

// peak returns the most bytes that were in use.
func (g *memoryGroup) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, g.peakFile))
	require.NoError(t, err)
	peak, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	return peak
}
