// SPDX-License-Identifier: Apache-2.0

//go:build linux

package client_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/client"
)

func TestDefaultSocketPath(t *testing.T) {
	require.Equal(t, agent.DefaultSocketPath, client.DefaultSocketPath)
}

// TestAgent reads from the real agent, until that stops.
func TestAgent(t *testing.T) {
	path := socketPath(t)
	ctx, stop := context.WithCancel(t.Context())
	log := logrus.New()
	log.SetOutput(io.Discard)
	a := agent.NewAgent(ctx, agent.WithLogger(log))
	require.NoError(t, agent.ServeMonitorAPI(a, agent.WithSocketPath(path)))

	c := dial(t, t.Context(), path)
	require.Eventually(t, func() bool { return len(a.Stats().Clients) == 1 }, time.Minute, time.Millisecond)
	const events = 1000
	for i := range events {
		require.NoError(t, a.SendEvent(api.MessageTypeAgent, api.GenericMessage(i)))
	}
	stop()

	var last error
	got := 0
	for pl, err := range c.Payloads() {
		if err != nil {
			last = err
			continue
		}
		var ev api.AgentNotify
		require.NoError(t, ev.Decode(pl.Data))
		got++
	}
	require.Equal(t, io.EOF, last)
	require.Equal(t, events, got)
	<-a.Done()
}
