// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
)

// followRequest is follow with a request.
func followRequest(t *testing.T, ctx context.Context, path string, request session.Request) *follower {
	f := &follower{seen: make(chan string, 100), done: make(chan error, 1)}
	go func() {
		for e, err := range client.FollowRequest(ctx, path, &request, client.Hooks{
			OnWait:       func(error) { f.seen <- "waiting" },
			OnConnect:    func() { f.seen <- "connected" },
			OnDisconnect: func(err error) { f.seen <- "disconnected: " + err.Error() },
			OnLive:       func() { f.seen <- "live" },
			OnDictionary: func(d *session.Dictionary) { f.seen <- "names: " + d.Node },
			OnGreeting: func(g *session.Greeting) {
				if g == nil {
					f.seen <- "API 1.2"
				} else {
					f.seen <- "greeted by " + g.Dictionary.Node
				}
			},
		}) {
			if err != nil {
				f.done <- err
				return
			}
			f.seen <- fmt.Sprintf("%d: %q, lost %d", e.Time.UnixNano(), e.Data, e.Lost)
		}
	}()
	return f
}

var connected = []string{"connected", "greeted by node-a"}

// TestFollowRequest follows an agent that restarts. It is asked for the history only the first time, and for what came
// since then the others.
func TestFollowRequest(t *testing.T) {
	path := socketPath(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := serveRequests(t, path)
	want := session.Request{Version: session.Version, Types: []int{1}, From: session.From{Last: 10}}
	f := followRequest(t, ctx, path, want)

	conn, request := s.acceptGreeted()
	require.Equal(t, &want, request)
	f.expect(t, connected...)
	conn.Close()
	f.expect(t, "disconnected: EOF")

	conn, request = s.acceptGreeted()
	require.Equal(t, &want, request, "there was no event yet")
	f.expect(t, connected...)
	conn.sendEvents(5)
	conn.write(session.AppendLoss(nil, session.Loss{Time: 7, Count: 3}))
	conn.write(must(session.AppendDictionary(session.AppendLive(nil), &session.Dictionary{Names: recording.Names{Node: "node-b"}})))
	f.expect(t, `5: "\x05", lost 0`, `7: "", lost 3`, "live", "names: node-b")
	conn.Close()
	f.expect(t, "disconnected: EOF")

	conn, request = s.acceptGreeted()
	want.From = session.From{Since: 8}
	require.Equal(t, &want, request)
	f.expect(t, connected...)
	conn.sendEvents(9)
	f.expect(t, `9: "\t", lost 0`)
	cancel()
	require.Equal(t, context.Canceled, <-f.done)
	require.Empty(t, f.seen)
}

// TestFollowRequestLive does not ask for a history that nobody wanted.
func TestFollowRequestLive(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	f := followRequest(t, t.Context(), path, session.Request{})
	conn, _ := s.acceptGreeted()
	conn.sendEvents(5)
	f.expect(t, connected...)
	f.expect(t, `5: "\x05", lost 0`)
	conn.Close()
	conn, request := s.acceptGreeted()
	require.Equal(t, &session.Request{Version: session.Version}, request)
	conn.write(session.AppendEnd(nil))
	f.expect(t, "disconnected: EOF")
	f.expect(t, connected...)
	require.Equal(t, client.ErrEnd, <-f.done)
	require.Empty(t, f.seen)
}

// TestFollowRequestUntil loses an agent that has delivered all, but did not say so yet.
func TestFollowRequestUntil(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	f := followRequest(t, t.Context(), path, session.Request{From: session.From{Since: 1}, Until: 9})
	conn, _ := s.acceptGreeted()
	conn.sendEvents(8)
	f.expect(t, connected...)
	f.expect(t, `8: "\b", lost 0`)
	conn.Close()
	f.expect(t, "disconnected: EOF")
	conn, request := s.acceptGreeted()
	require.Equal(t, session.From{Since: 9}, request.From)
	conn.sendEvents(9)
	f.expect(t, connected...)
	f.expect(t, `9: "\t", lost 0`)
	conn.Close()
	require.Equal(t, client.ErrEnd, <-f.done)
	require.Empty(t, f.seen)
}

// TestFollowRequestRefused is refused again and again, which is told once.
func TestFollowRequestRefused(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	f := followRequest(t, t.Context(), path, session.Request{})
	for range 3 {
		conn, _ := s.acceptRequest()
		conn.refuse(busy)
	}
	s.acceptRaw().Close()
	conn, _ := s.acceptGreeted()
	f.expect(t, "disconnected: the monitor agent refuses: it has 2 clients")
	f.expect(t, connected...)

	// For good.
	conn.Close()
	f.expect(t, "disconnected: EOF")
	conn, _ = s.acceptRequest()
	conn.refuse(session.Refusal{Code: session.CodeVersion, Text: "it speaks 1.9"})
	require.EqualError(t, <-f.done, "the monitor agent refuses: it speaks 1.9")
	require.Empty(t, f.seen)
}

// TestFollowRequestFallsBack follows an agent that is replaced by an older one and a newer one.
func TestFollowRequestFallsBack(t *testing.T) {
	path := socketPath(t)
	f := followRequest(t, t.Context(), path, session.Request{From: session.From{Last: 1}})
	f.expect(t, "waiting")
	s := serve(t, path)
	conn := s.accept()
	conn.send("a")
	f.expect(t, "connected", "API 1.2", fmt.Sprintf("%d: %q, lost 0", client.Event{}.Time.UnixNano(), "a"))

	newer := serveRequests(t, path)
	conn.Close()
	conn, request := newer.acceptGreeted()
	require.Equal(t, session.From{Last: 1}, request.From, "events without a time say nothing about it")
	f.expect(t, "disconnected: EOF")
	f.expect(t, connected...)

	// An older one that is full.
	newer.stop()
	conn.Close()
	f.expect(t, "disconnected: EOF")
	s.acceptRaw().Close()
	f.expect(t, "connected", "API 1.2", "disconnected: "+client.ErrRefused.Error())
	s.accept()
	f.expect(t, "connected", "API 1.2")
}

// TestFollowRequestNeverAnswered ends where another connection can't help.
func TestFollowRequestNeverAnswered(t *testing.T) {
	path := socketPath(t)
	f := followRequest(t, t.Context(), path, session.Request{Types: []int{}})
	require.ErrorContains(t, <-f.done, "types: it is empty")

	s := serveRequests(t, path)
	f = followRequest(t, t.Context(), path, session.Request{})
	conn, _ := s.acceptRequest()
	conn.write(payload.AppendTypeInfo(nil))
	require.ErrorIs(t, <-f.done, session.ErrNotASession)

	history := session.Request{From: session.From{Last: 1}, HistoryOnly: true}
	f = followRequest(t, t.Context(), path, history)
	conn, _ = s.acceptGreeted()
	f.expect(t, connected...)
	serve(t, path)
	require.NoError(t, os.Remove(session.SocketPath(path)))
	conn.Close()
	f.expect(t, "disconnected: EOF")
	require.Equal(t, client.ErrNoHistory, <-f.done)
	require.Empty(t, f.seen)
}

// TestFollowRequestLeft leaves the loop, which closes the connection, and does without hooks.
func TestFollowRequestLeft(t *testing.T) {
	path := socketPath(t)
	s := serveRequests(t, path)
	request := session.Request{From: session.From{Last: 1}}
	served := make(chan *connection, 1)
	go func() {
		conn, _ := s.acceptGreeted()
		conn.sendEvents(1)
		served <- conn
	}()
	for e, err := range client.FollowRequest(t.Context(), path, &request, client.Hooks{}) {
		require.NoError(t, err)
		require.Equal(t, "\x01", string(e.Data))
		break
	}
	_, err := (<-served).Read(make([]byte, 1))
	require.Error(t, err)
	require.Equal(t, session.From{Last: 1}, request.From, "the request is the caller's")
}
