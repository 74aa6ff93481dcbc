// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/client"
)

// follower follows the agent at path on a goroutine and tells what it sees.
type follower struct {
	seen chan string // "waiting: ERR", "connected", "disconnected: ERR", Data of events
	done chan error  // how the loop ended
}

func follow(t *testing.T, ctx context.Context, path string) *follower {
	f := &follower{seen: make(chan string, 100), done: make(chan error, 1)}
	go func() {
		for pl, err := range client.Follow(ctx, path, client.Hooks{
			OnWait: func(err error) {
				if errors.Is(err, client.ErrNotRunning) {
					err = client.ErrNotRunning // without the path
				}
				f.seen <- "waiting: " + err.Error()
			},
			OnConnect:    func() { f.seen <- "connected" },
			OnDisconnect: func(err error) { f.seen <- "disconnected: " + err.Error() },
		}) {
			if err != nil {
				f.done <- err
				return
			}
			f.seen <- string(pl.Data)
		}
	}()
	return f
}

func (f *follower) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		require.Equal(t, w, <-f.seen)
	}
}

// TestFollowRestarts follows an agent that restarts: once at once, once after it
// was away, and once it only loses the connection.
func TestFollowRestarts(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, path)
	f := follow(t, ctx, path)

	conn := s.accept()
	conn.send("a")
	f.expect(t, "connected", "a")

	conn.Close()
	f.expect(t, "disconnected: EOF")
	conn = s.accept()
	conn.send("b")
	f.expect(t, "connected", "b")

	s.stop()
	conn.Close()
	f.expect(t, "disconnected: EOF")
	_, err := client.Dial(ctx, path)
	require.ErrorIs(t, err, client.ErrNotRunning)
	s = serve(t, path)
	conn = s.accept()
	conn.send("c")
	f.expect(t, "connected", "c")

	cancel()
	require.Equal(t, context.Canceled, <-f.done)
	require.Empty(t, f.seen, "a cancelled context is no lost connection")
	_, err = conn.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err, "the connection is closed")
}

// TestFollowWaits follows an agent that is not there yet.
func TestFollowWaits(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := follow(t, ctx, path)
	f.expect(t, "waiting: "+client.ErrNotRunning.Error())
	s := serve(t, path)
	conn := s.accept()
	conn.send("a")
	f.expect(t, "connected", "a")
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
	require.Empty(t, f.seen)
}

// TestFollowNobody stops waiting for an agent that never comes.
func TestFollowNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := follow(t, ctx, socketPath(t))
	f.expect(t, "waiting: "+client.ErrNotRunning.Error())
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
	require.Empty(t, f.seen)
}

// TestFollowNoSocket does not wait where an agent would not start either.
func TestFollowNoSocket(t *testing.T) {
	path := socketPath(t)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	f := follow(t, t.Context(), path)
	require.ErrorContains(t, <-f.done, "it is not a socket")
	require.Empty(t, f.seen)

	// What is waited for, and then turns out to be none.
	path = socketPath(t)
	f = follow(t, t.Context(), path)
	f.expect(t, "waiting: "+client.ErrNotRunning.Error())
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorContains(t, <-f.done, "it is not a socket")
}

// TestFollowCancelledWhileAway cancels while there is no agent to connect to.
func TestFollowCancelledWhileAway(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, path)
	f := follow(t, ctx, path)
	conn := s.accept()
	s.stop()
	conn.Close()
	f.expect(t, "connected", "disconnected: EOF")
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
}

// TestFollowNoAgent follows something that will never be an agent, however often it is
// dialled.
func TestFollowNoAgent(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	f := follow(t, t.Context(), path)
	s.acceptRaw().write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"))
	require.ErrorIs(t, <-f.done, payload.ErrNotASession)
}

// TestFollowLeft leaves the loop, which closes the connection.
func TestFollowLeft(t *testing.T) {
	path := socketPath(t)
	s := serve(t, path)
	var conn *connection
	hooks := client.Hooks{OnConnect: func() {
		conn = s.accept()
		conn.send("a")
	}}
	for pl, err := range client.Follow(t.Context(), path, hooks) {
		require.NoError(t, err)
		require.Equal(t, "a", string(pl.Data))
		break
	}
	_, err := conn.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
}
