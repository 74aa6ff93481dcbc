// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/client"
)

// dialContext calls a function each time that somebody who dials asks for the deadline.
type dialContext struct {
	context.Context
	dialled func()
}

func (c dialContext) Deadline() (deadline time.Time, ok bool) {
	c.dialled()
	return c.Context.Deadline()
}

// lateContext is one that is cancelled, which nobody noticed who waited for it.
type lateContext struct{ context.Context }

func (lateContext) Done() <-chan struct{} { return nil }

// TestCancelledTooLate cancels the context when the connection is there already: it is closed.
func TestCancelledTooLate(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := client.Dial(lateContext{ctx}, path)
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.acceptRaw().Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}

// TestFollowAway dials again and again while there is no agent, and reads from the next one.
func TestFollowAway(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	dials := make(chan struct{}, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	f := follow(t, dialContext{ctx, func() { dials <- struct{}{} }}, path)
	conn := s.accept()
	f.expect(t, "connected")
	s.stop()
	for len(dials) > 0 {
		<-dials
	}
	conn.Close()
	f.expect(t, "disconnected: EOF")
	for range 5 {
		<-dials
	}
	s = serve(t, path)
	s.accept().send("a")
	f.expect(t, "connected", "a")
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
}

// TestFollowCancelledWhileDialling cancels the context in the midst of an attempt to connect again.
func TestFollowCancelledWhileDialling(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	lost := false
	for pl, err := range client.Follow(dialContext{ctx, func() {
		if lost {
			cancel()
		}
	}}, path, client.Hooks{
		OnConnect:    func() { s.accept().Close() },
		OnDisconnect: func(error) { lost = true },
	}) {
		require.Nil(t, pl)
		require.ErrorIs(t, err, context.Canceled)
	}
	require.True(t, lost)
}

// TestFollowOnIdle checks that the hook is called before the wait for an agent that has written all.
func TestFollowOnIdle(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	var conn *connection
	var seen []string
	for pl, err := range client.Follow(ctx, path, client.Hooks{
		OnConnect: func() { conn = s.accept(); conn.send("a", "b") },
		OnIdle: func() {
			if len(seen) > 0 {
				seen = append(seen, "idle")
				cancel()
			}
		},
	}) {
		if err != nil {
			require.Equal(t, context.Canceled, err)
			break
		}
		seen = append(seen, string(pl.Data))
	}
	require.Equal(t, []string{"a", "b", "idle"}, seen)
}
