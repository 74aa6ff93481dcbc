// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"io/fs"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// newTestAgent returns an agent that is served on a socket until the end of the test.
func newTestAgent(t *testing.T) (a *agent.Agent, socket string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a = agent.NewAgent(ctx)
	socket = SocketPath(t)
	t.Cleanup(func() {
		cancel()
		<-a.Done()
	})
	require.NoError(t, agent.ServeMonitorAPI(a, agent.WithSocketPath(socket)))
	return a, socket
}

func send(t *testing.T, a *agent.Agent, text string) {
	t.Helper()
	require.NoError(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage(text)))
}

func TestClient(t *testing.T) {
	a, socket := newTestAgent(t)
	c, err := Connect(t.Context(), socket)
	require.NoError(t, err)
	send(t, a, "one")
	require.NoError(t, c.WaitFor(t.Context(), 1))
	require.Len(t, c.Payloads(), 1)
	require.Equal(t, payload.EventSample, c.Payloads()[0].Type)
	require.Equal(t, `agent Message: "one"`, payloadLine(c.Payloads()[0]))

	require.NoError(t, c.Close())
	send(t, a, "two")
	require.ErrorIs(t, c.WaitFor(t.Context(), 2), errEnded)
	events, lost := c.Counts()
	require.EqualValues(t, 1, events)
	require.Zero(t, lost)
}

// TestClientIsServedOnceConnected sends right after Connect, many times over: no event may be
// missed.
func TestClientIsServedOnceConnected(t *testing.T) {
	a, socket := newTestAgent(t)
	for range 50 {
		c, err := Connect(t.Context(), socket)
		require.NoError(t, err)
		send(t, a, "at once")
		require.NoError(t, c.WaitFor(t.Context(), 1))
		require.NoError(t, c.Close())
	}
}

// TestClientStalls sends to a client that does not read more than its buffer takes, and sees
// that it reads on where it was.
func TestClientStalls(t *testing.T) {
	a, socket := newTestAgent(t)
	c, err := Connect(t.Context(), socket)
	require.NoError(t, err)
	defer c.Close()
	c.Stall()
	c.Stall()
	const n = 500
	for range n {
		send(t, a, "a message that is not short, so that a few hundred of them do not fit into the client's buffer")
	}
	events, _ := c.Counts()
	require.Less(t, events, uint64(n))
	c.Resume()
	c.Resume()
	require.NoError(t, c.WaitFor(t.Context(), n))
	events, lost := c.Counts()
	require.EqualValues(t, n, events)
	require.Zero(t, lost)
}

func TestClientClosedWhileStalled(t *testing.T) {
	_, socket := newTestAgent(t)
	c, err := Connect(t.Context(), socket)
	require.NoError(t, err)
	c.Stall()
	require.NoError(t, c.Close())
}

func TestConnectToNobody(t *testing.T) {
	_, err := Connect(t.Context(), SocketPath(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestConnectToSilence connects to a server that does not begin a session.
func TestConnectToSilence(t *testing.T) {
	socket := SocketPath(t)
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = Connect(ctx, socket)
	require.ErrorContains(t, err, "wait for the monitor on "+socket+" to begin")
}
