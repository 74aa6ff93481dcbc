// SPDX-License-Identifier: Apache-2.0

package hubble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/cilium/monitor"
	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/hubble"
	"github.com/cilium/monitor/testutils"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A test waits so long, however slow the machine, and looks so often.
const (
	timeout = time.Minute
	tick    = time.Millisecond
)

// settings are those of a hive, by the names of flags.
type settings map[string]any

// node is a hive with the monitor, Hubble, and a datapath whose events tests make.
type node struct {
	*hive.Hive
	t        *testing.T
	socket   string // of Hubble
	agent    *agent.Agent
	datapath *testutils.FakeDatapath
	stopped  bool

	mu     sync.Mutex   // guards logged
	logged bytes.Buffer // what hive's slog logger got
}

// Write implements io.Writer, for the log.
func (n *node) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.logged.Write(p)
}

func (n *node) log() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.logged.String()
}

// logs tells whether a text is in the log.
func (n *node) logs(text string) bool { return strings.Contains(n.log(), text) }

// newNode returns a node that is not started.
func newNode(t *testing.T, s settings, cells ...cell.Cell) *node {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: loads BPF programs")
	}
	n := &node{t: t, socket: filepath.Join(t.TempDir(), "hubble.sock")}
	n.Hive = hive.New(append([]cell.Cell{
		monitor.Cell, hubble.Cell, testutils.FakeDatapathCell(t),
		cell.Invoke(func(a *agent.Agent, d *testutils.FakeDatapath) { n.agent, n.datapath = a, d }),
	}, cells...)...)
	all := settings{
		"monitor-socket-path": testutils.SocketPath(t),
		"monitor-events-map":  testutils.EventsMapPath(t),
		"hubble-socket-path":  n.socket,
		"hubble-node-name":    "node",
	}
	for name, value := range s {
		all[name] = value
	}
	for name, value := range all {
		n.Viper().Set(name, value)
	}
	return n
}

// startNode returns a node that runs, with its datapath, until the end of the test.
func startNode(t *testing.T, s settings, cells ...cell.Cell) *node {
	t.Helper()
	n := newNode(t, s, cells...)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	require.NoError(t, n.Start(slog.New(slog.NewTextHandler(n, nil)), ctx))
	t.Cleanup(n.stop)
	require.NoError(t, n.datapath.BecomeReady())
	require.Eventually(t, func() bool { return n.agent.State() != nil }, timeout, tick, "the agent reads")
	return n
}

// stop stops the node, once.
func (n *node) stop() {
	n.t.Helper()
	if n.stopped {
		return
	}
	n.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	require.NoError(n.t, n.Stop(slog.New(slog.DiscardHandler), ctx))
}

// drop makes a drop with a reason, n times, and waits until the history has them.
func (n *node) drop(reason uint8, times int) {
	n.t.Helper()
	before := n.agent.Stats().Accepted
	_, err := n.datapath.EmitSample(dropSample(reason), times)
	require.NoError(n.t, err)
	n.accepted(before + uint64(times))
}

// accepted waits until the agent has got so many events.
func (n *node) accepted(events uint64) {
	n.t.Helper()
	require.Eventually(n.t, func() bool { return n.agent.Stats().Accepted >= events }, timeout, tick)
}

// send sends an agent event.
func (n *node) send(text string) {
	n.t.Helper()
	before := n.agent.Stats().Accepted
	require.NoError(n.t, n.agent.SendEvent(api.MessageTypeAgent, api.GenericMessage(text)))
	n.accepted(before + 1)
}

// dial connects to the unix socket.
func (n *node) dial() *grpc.ClientConn {
	n.t.Helper()
	return dial(n.t, "unix://"+n.socket, insecure.NewCredentials())
}

// dial connects. What waits for a client that does not read is bounded, however slow the machine is for which gRPC would have more
// wait.
func dial(t *testing.T, target string, creds credentials.TransportCredentials) *grpc.ClientConn {
	t.Helper()
	const window = 64 << 10
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds),
		grpc.WithStaticStreamWindowSize(window), grpc.WithStaticConnWindowSize(window))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return conn
}

// observer returns a client of the observer.
func (n *node) observer() observerpb.ObserverClient {
	n.t.Helper()
	return observerpb.NewObserverClient(n.dial())
}

// dropSample returns a drop without a packet.
func dropSample(reason uint8) []byte {
	return (&api.DropNotify{Type: api.MessageTypeDrop, SubType: reason, Version: 3}).Append(nil)
}

// flows is a request that is being answered.
type flows struct {
	t      *testing.T
	stream observerpb.Observer_GetFlowsClient
	cancel context.CancelFunc
}

// getFlows asks for flows. When it returns, the server has begun to answer.
func (n *node) getFlows(r *observerpb.GetFlowsRequest) *flows {
	n.t.Helper()
	return getFlows(n.t, n.observer(), r)
}

func getFlows(t *testing.T, client observerpb.ObserverClient, r *observerpb.GetFlowsRequest) *flows {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	stream, err := client.GetFlows(ctx, r)
	require.NoError(t, err)
	_, err = stream.Header()
	require.NoError(t, err)
	return &flows{t, stream, cancel}
}

// next returns the next response as a line: the reason of a drop, or how many events are lost where.
func (f *flows) next() string {
	f.t.Helper()
	r, err := f.stream.Recv()
	require.NoError(f.t, err)
	return line(r)
}

// all returns all responses until the end.
func (f *flows) all() (lines []string) {
	f.t.Helper()
	for {
		r, err := f.stream.Recv()
		if errors.Is(err, io.EOF) {
			return lines
		}
		require.NoError(f.t, err)
		lines = append(lines, line(r))
	}
}

func line(r *observerpb.GetFlowsResponse) string {
	if lost := r.GetLostEvents(); lost != nil {
		return fmt.Sprintf("lost %d %v", lost.GetNumEventsLost(), lost.GetSource())
	}
	if f := r.GetFlow(); f.GetVerdict() == flowpb.Verdict_DROPPED {
		return fmt.Sprint(int32(f.GetDropReasonDesc()))
	}
	return r.GetFlow().String()
}
