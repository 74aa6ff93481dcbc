// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"encoding/json"
	"net"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/testns"
	"github.com/cilium/monitor/testutils"
)

// node is a monitor with Hubble that runs.
type node struct {
	*process
	ns     *testns.Namespace
	args   []string
	socket string // of Hubble
	api    string // of the monitor
	t      *testing.T
}

// newNode returns a node that is not started, with flags beside those that every one has.
func newNode(t *testing.T, ns *testns.Namespace, name string, flags ...string) *node {
	t.Helper()
	dir := filepath.Dir(testutils.SocketPath(t)) // short enough for a socket
	n := &node{ns: ns, t: t, socket: filepath.Join(dir, "hubble.sock"), api: filepath.Join(dir, "monitor.sock")}
	n.args = append([]string{
		"agent",
		"--monitor-socket-path", n.api,
		"--hubble-socket-path", n.socket,
		"--hubble-node-name", name,
	}, flags...)
	return n
}

// start starts the node, and waits until it serves.
func (n *node) start() {
	n.t.Helper()
	n.process = start(n.t, n.ns, "monitor", n.args...)
	waitUntil(n.t, func() bool {
		conn, err := net.Dial("unix", n.socket)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	}, "it never served")
}

// observe returns hubble observe on this node.
func (n *node) observe(args ...string) *process {
	n.t.Helper()
	return command(n.t, "hubble", append([]string{"observe", "--server", "unix://" + n.socket}, args...)...)
}

// stats returns the statistics of the agent.
func (n *node) stats() (stats agent.Stats) {
	n.t.Helper()
	out := run(n.t, nil, "monitor", "status", "--monitor-socket-path", n.api, "-o", "json")
	require.NoError(n.t, json.Unmarshal([]byte(out), &stats), out)
	return stats
}

// waitFollowed waits until so many requests follow.
func (n *node) waitFollowed(requests int) {
	n.t.Helper()
	waitUntil(n.t, func() bool { return len(n.stats().Streams) == requests }, "nobody follows")
}

// fakeDatapath has a node read events that the test makes.
func fakeDatapath(t *testing.T) (datapath *testutils.FakeDatapath, flags []string) {
	t.Helper()
	path := testutils.EventsMapPath(t)
	datapath = testutils.NewFakeDatapath(t, path)
	require.NoError(t, datapath.BecomeReady())
	return datapath, []string{"--monitor-events-map", path}
}

// emit makes drops of a reason, and returns how many were written and how many the datapath lost.
func emit(t *testing.T, datapath *testutils.FakeDatapath, reason uint8, n int) testutils.Counters {
	t.Helper()
	sample := (&api.DropNotify{Type: api.MessageTypeDrop, SubType: reason, Version: 3}).Append(nil)
	counters, err := datapath.EmitSample(sample, n)
	require.NoError(t, err)
	require.Zero(t, counters.NoReader)
	return counters
}

func number(t *testing.T, text string) (n uint64) {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return n
}
