// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"io"
	"os/exec"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/testutils"
)

// testAgent is an agent in this process, served on a socket.
type testAgent struct {
	*agent.Agent
	t      *testing.T
	socket string
	stop   func() // returns when it has stopped
}

func serve(t *testing.T, opts ...agent.Option) *testAgent {
	return serveAt(t, testutils.SocketPath(t), opts...)
}

// serveAt serves both APIs at a socket.
func serveAt(t *testing.T, socket string, opts ...agent.Option) *testAgent {
	a := serveOld(t, socket, opts...)
	require.NoError(t, agent.ServeSessions(a.Agent, agent.WithSocketPath(session.SocketPath(socket))))
	return a
}

// serveOld is an agent that serves the API 1.2 only.
func serveOld(t *testing.T, socket string, opts ...agent.Option) *testAgent {
	log := logrus.New()
	log.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	a := agent.NewAgent(ctx, append(opts, agent.WithLogger(log))...)
	stop := func() { cancel(); <-a.Done() }
	t.Cleanup(stop)
	require.NoError(t, agent.ServeMonitorAPI(a, agent.WithSocketPath(socket)))
	return &testAgent{a, t, socket, stop}
}

// send sends events that print as lines "agent Message: "MESSAGE"".
func (a *testAgent) send(messages ...string) {
	for _, m := range messages {
		require.NoError(a.t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage(m)))
	}
}

// startWatch starts a watch and waits until it gets the events.
func (a *testAgent) startWatch(args ...string) *process {
	return a.start(a.watch(args...))
}

func (a *testAgent) watch(args ...string) *exec.Cmd {
	return program(append([]string{"watch", "--monitor-socket-path", a.socket}, args...)...)
}

func (a *testAgent) start(watch *exec.Cmd) *process {
	p := start(a.t, watch)
	p.waitStderr("Connected to the agent")
	a.waitClients(1)
	return p
}

// waitClients waits until so many clients get the events.
func (a *testAgent) waitClients(n int) {
	waitUntil(a.t, func() bool { return len(a.Stats().Clients) == n })
}
