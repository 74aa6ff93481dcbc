// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
)

// followRefining follows with a request for type 1. An agent whose node is node-a is asked for type 2, too.
func followRefining(t *testing.T, ctx context.Context, path string) *follower {
	f := &follower{seen: make(chan string, 100), done: make(chan error, 1)}
	go func() {
		for e, err := range client.FollowRequest(ctx, path, &session.Request{Types: []int{1}}, client.Hooks{
			Refine: func(g *session.Greeting, r *session.Request) bool {
				f.seen <- fmt.Sprint("refine ", r.Types)
				again := g.Dictionary.Node == "node-a" && len(r.Types) == 1
				if again {
					r.Types = []int{1, 2}
				}
				return again
			},
			OnConnect:    func() { f.seen <- "connected" },
			OnDisconnect: func(err error) { f.seen <- "disconnected: " + err.Error() },
			OnSkipped:    func(events uint64) { f.seen <- fmt.Sprint("skipped ", events) },
		}) {
			if err != nil {
				f.done <- err
				return
			}
			f.seen <- fmt.Sprintf("%q", e.Data)
		}
	}()
	return f
}

// TestRefine asks again for what an answer has shown, and goes on with that. It is told how much it did not ask for.
func TestRefine(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	f := followRefining(t, ctx, path)
	first, request := s.acceptGreeted()
	require.Equal(t, []int{1}, request.Types)
	conn, request := s.acceptGreeted()
	require.Equal(t, []int{1, 2}, request.Types)
	_, err := first.Read(make([]byte, 1))
	require.Error(t, err, "it is closed")
	f.expect(t, "refine [1]", "connected")
	conn.write(session.AppendSkipped(nil, 7))
	conn.sendEvents(5)
	conn.write(session.AppendSkipped(nil, 1<<63))
	f.expect(t, "skipped 7", `"\x05"`, "skipped 9223372036854775808")

	// The next agent is asked for as much.
	conn.Close()
	f.expect(t, "disconnected: EOF")
	conn, request = s.acceptGreeted()
	require.Equal(t, []int{1, 2}, request.Types)
	f.expect(t, "refine [1 2]", "connected")
	conn.write([]byte{1, 0, 0, 0, byte(session.KindSkipped), 0, 0, 0, 0})
	f.expect(t, "disconnected: read from the monitor agent: corrupt frame: a number of skipped events of 1 bytes")
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
	require.Empty(t, f.seen)
}

// TestRefineAway loses the agent before it can be asked again.
func TestRefineAway(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	f := followRefining(t, t.Context(), path)
	conn, _ := s.acceptRequest()
	s.stop()
	conn.greet()
	f.expect(t, "refine [1]")
	require.Contains(t, <-f.seen, "disconnected: "+client.ErrNotRunning.Error())
	s = serveRequests(t, path)
	_, request := s.acceptGreeted()
	require.Equal(t, []int{1, 2}, request.Types)
	f.expect(t, "refine [1 2]", "connected")
}
