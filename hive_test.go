// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// logBuffer keeps what is logged.
type logBuffer struct {
	mu  sync.Mutex // guards what follows
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A test waits so long, however slow the machine, and looks so often.
const (
	timeout = time.Minute
	tick    = time.Millisecond
)

// testHive is a hive with the monitor, at a socket and an events map of its own.
type testHive struct {
	*hive.Hive
	t       *testing.T
	logged  logBuffer // what hive's slog logger got
	log     *slog.Logger
	socket  string
	stopped bool
}

func newHive(t *testing.T, cells ...cell.Cell) *testHive {
	t.Helper()
	return newHiveOf(t, append([]cell.Cell{monitor.Cell}, cells...)...)
}

// newHiveOf makes a hive that has the monitor, or a part of it, among the cells.
func newHiveOf(t *testing.T, cells ...cell.Cell) *testHive {
	t.Helper()
	h := &testHive{
		Hive:   hive.New(cells...),
		t:      t,
		socket: testutils.SocketPath(t),
	}
	h.log = slog.New(slog.NewTextHandler(&h.logged, nil))
	h.Viper().Set("monitor-socket-path", h.socket)
	h.Viper().Set("monitor-events-map", testutils.EventsMapPath(t))
	return h
}

// start starts the hive until stop, or the end of the test.
func (h *testHive) start() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), timeout)
	defer cancel()
	err := h.Start(h.log, ctx)
	h.t.Cleanup(h.stop)
	require.NoError(h.t, err)
}

// stop stops the hive, once.
func (h *testHive) stop() {
	h.t.Helper()
	if h.stopped {
		return
	}
	h.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	require.NoError(h.t, h.Stop(h.log, ctx))
}

// eventuallyLogs waits until hive's logger got all of the texts.
func (h *testHive) eventuallyLogs(texts ...string) {
	h.t.Helper()
	for _, text := range texts {
		require.Eventually(h.t, func() bool { return bytes.Contains([]byte(h.logged.String()), []byte(text)) },
			timeout, tick, "%q is not in the log", text)
	}
}

// connect connects a client to the monitor.
func (h *testHive) connect() *testutils.Client {
	h.t.Helper()
	c, err := testutils.Connect(h.t.Context(), h.socket)
	require.NoError(h.t, err)
	h.t.Cleanup(func() { c.Close() })
	return c
}

// eventuallyReads waits until the agent reads the perf ring buffers.
func (h *testHive) eventuallyReads(a *agent.Agent) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return a.State() != nil }, timeout, tick, "the reader does not run")
}
