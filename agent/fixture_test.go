// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/testutils"
)

// timeout is how long a test waits for what has to happen, however slow the machine.
const timeout = time.Minute

// fixture is an agent that serves a socket, and a datapath to be attached to.
type fixture struct {
	*agent.Agent
	gen    *testutils.Generator
	socket string
	cancel context.CancelFunc
}

// start starts an agent that is not attached yet.
func start(t testing.TB, opts ...agent.Option) *fixture {
	t.Helper()
	return startServing(t, nil, opts...)
}

// startServing is start with options for the server.
func startServing(t testing.TB, serverOpts []agent.ServerOption, opts ...agent.Option) *fixture {
	t.Helper()
	return startOn(t, testutils.GeneratorOptions{}, serverOpts, opts...)
}

// overBoth runs a test over both kinds of events map.
func overBoth(t *testing.T, test func(t *testing.T, kind testutils.GeneratorOptions)) {
	t.Run("perf", func(t *testing.T) { test(t, testutils.GeneratorOptions{}) })
	t.Run("ringbuf", func(t *testing.T) { test(t, testutils.GeneratorOptions{RingBufferSize: 1 << 19}) })
}

// attachedOn is attached with that kind of events map.
func attachedOn(t testing.TB, kind testutils.GeneratorOptions, opts ...agent.Option) *fixture {
	t.Helper()
	f := startOn(t, kind, nil, opts...)
	require.NoError(t, f.AttachToEventsMap(64))
	return f
}

// startOn is startServing with that kind of events map.
func startOn(t testing.TB, kind testutils.GeneratorOptions, serverOpts []agent.ServerOption, opts ...agent.Option) *fixture {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loading BPF programs needs root")
	}
	gen := datapathOn(t, kind)
	pin := testutils.EventsMapPath(t)
	require.NoError(t, gen.Pin(pin))

	ctx, cancel := context.WithCancel(context.Background())
	f := &fixture{gen: gen, socket: filepath.Join(t.TempDir(), "monitor.sock"), cancel: cancel}
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	opts = append([]agent.Option{agent.WithLogger(quiet), agent.WithEventsMap(pin)}, opts...)
	f.Agent = agent.NewAgent(ctx, opts...)
	t.Cleanup(f.stop)
	serverOpts = append(serverOpts, agent.WithSocketPath(f.socket))
	require.NoError(t, agent.ServeMonitorAPI(f.Agent, serverOpts...))
	return f
}

// attached starts an agent that is attached.
func attached(t testing.TB, opts ...agent.Option) *fixture {
	t.Helper()
	f := start(t, opts...)
	require.NoError(t, f.AttachToEventsMap(64))
	return f
}

// stop stops the agent and waits for its end.
func (f *fixture) stop() {
	f.cancel()
	<-f.Done()
}

// emitted returns how many events the datapath wrote or tried to write while its perf rings
// were being read, and how many it ever did into a ring buffer.
func (f *fixture) emitted(t testing.TB) uint64 {
	t.Helper()
	c, err := f.gen.Counters()
	require.NoError(t, err)
	require.Zero(t, c.Failed)
	return c.Written + c.NoSpace
}

// emits tells whether the datapath's events are read.
func (f *fixture) emits(t testing.TB) bool {
	t.Helper()
	if f.gen.LossCounter() != nil {
		return errors.Is(agent.CheckEventsMap(f.gen.Map()), agent.ErrTaken)
	}
	before := f.emitted(t)
	require.NoError(t, f.gen.EmitTrace(1))
	return f.emitted(t) > before
}

// dial connects and waits until the agent has noticed.
func (f *fixture) dial(t testing.TB) *net.UnixConn {
	t.Helper()
	before := len(f.Stats().Clients)
	conn, err := net.Dial("unix", f.socket)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	eventually(t, func() bool { return len(f.Stats().Clients) > before }, "the agent accepts the connection")
	return conn.(*net.UnixConn)
}

// process starts a process that reads from the socket, and waits until it is connected.
func (f *fixture) process(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), clientEnv+"="+f.socket)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, func() bool {
		for _, c := range f.Stats().Clients {
			if c.PID == cmd.Process.Pid {
				return true
			}
		}
		return false
	}, "the process is connected")
	return cmd
}

// client is a connection that is read and counted.
type client struct {
	conn  *net.UnixConn
	ended chan struct{}

	mu        sync.Mutex // guards what follows
	samples   uint64
	datapath  map[int]uint64 // losses by CPU
	self      uint64         // losses of the client's own
	next      map[int]uint64 // the next number from each CPU
	unordered int
	missing   uint64 // numbers that were skipped
	events    [][]byte
	notices   []string // what the agent says of itself, not counted
	keep      bool
	err       error
}

// connect connects a client that reads.
func (f *fixture) connect(t testing.TB) *client {
	t.Helper()
	c := newClient(f.dial(t))
	c.read(t)
	return c
}

func newClient(conn *net.UnixConn) *client {
	return &client{conn: conn, ended: make(chan struct{}), datapath: map[int]uint64{}, next: map[int]uint64{}}
}

// read reads on until the connection ends.
func (c *client) read(t testing.TB) {
	t.Cleanup(func() {
		c.conn.Close()
		<-c.ended
	})
	go func() {
		defer close(c.ended)
		dec := payload.NewDecoder(c.conn)
		for {
			var pl payload.Payload
			if err := dec.Decode(&pl); err != nil {
				c.mu.Lock()
				c.err = err
				c.mu.Unlock()
				return
			}
			c.take(&pl)
		}
	}()
}

// keepEvents has it keep the data of the events that it reads from now on.
func (c *client) keepEvents() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep = true
}

func (c *client) take(pl *payload.Payload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case pl.Type == payload.RecordLost && pl.CPU == payload.CPULostByReader:
		c.self += pl.Lost
	case pl.Type == payload.RecordLost:
		c.datapath[pl.CPU] += pl.Lost
	case isNotice(pl.Data):
		c.notices = append(c.notices, string(pl.Data))
	default:
		c.samples++
		if c.keep {
			c.events = append(c.events, append([]byte(nil), pl.Data...))
		}
		if cpu, number, ok := traceNumber(pl.Data); ok {
			if number < c.next[cpu] {
				c.unordered++
			}
			c.missing += number - c.next[cpu]
			c.next[cpu] = number + 1
		}
	}
}

// isNotice tells whether a sample is one of the agent's own.
func isNotice(data []byte) bool {
	var n api.AgentNotify
	if n.Decode(data) != nil {
		return false
	}
	_, ok := n.MonitorNotice()
	return ok
}

// noticed tells whether the agent said something that contains text.
func (c *client) noticed(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.notices, func(notice string) bool { return strings.Contains(notice, text) })
}

// firstNotice waits for something that the agent says of itself.
func (c *client) firstNotice(t testing.TB) string {
	t.Helper()
	eventually(t, func() bool { return c.noticed("") }, "the agent says something")
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.notices[0]
}

// traceNumber returns the number that a generated trace carries, among those of a CPU.
func traceNumber(data []byte) (cpu int, number uint64, ok bool) {
	if len(data) < testutils.TraceLen {
		return 0, 0, false
	}
	cpu = int(binary.NativeEndian.Uint64(data[testutils.TraceCPUOffset:]))
	return cpu, binary.NativeEndian.Uint64(data[testutils.TraceSequenceOffset:]), true
}

// total returns the number of events that were delivered or reported lost.
func (c *client) total() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.samples + c.self
	for _, lost := range c.datapath {
		n += lost
	}
	return n
}

func (c *client) lost() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self
}

func (c *client) delivered() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.samples
}

// failed returns why reading ended, nil if at the end of the stream.
func (c *client) failed() error {
	<-c.ended
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(c.err, io.EOF) {
		return nil
	}
	return c.err
}

func eventually(t testing.TB, condition func() bool, what string, args ...any) {
	t.Helper()
	require.Eventually(t, condition, timeout, time.Millisecond, append([]any{what}, args...)...)
}
