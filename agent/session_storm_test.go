// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

// TestSessionStorm has clients leave at every moment of a session while events are distributed: nothing is left of them.
func TestSessionStorm(t *testing.T) {
	t.Run("history", func(t *testing.T) {
		src := stormAll(t, newGuarded(t, agent.WithHistory(interest.Types(typeA), 1<<20)))
		eventually(t, func() bool { return *src.last() == *typesOf(typeA) }, "only the history wants something")
	})
	t.Run("none", func(t *testing.T) {
		g := newGuarded(t)
		src := stormAll(t, g)
		eventually(t, func() bool { return *src.last() == *typesOf() && g.State() == nil }, "nothing is read")
	})
}

// stormAll returns a source that is told what is wanted, once all clients have closed their connections.
func stormAll(t *testing.T, g *guarded) *selectiveSource {
	src := &selectiveSource{}
	require.NoError(t, g.AttachSource("selective", src))
	serveSessions(t, g.fixture)
	ctx, stop := context.WithCancel(t.Context())
	var events, clients sync.WaitGroup
	defer events.Wait()
	defer stop()
	events.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			g.src.write(fmt.Sprint("a", n), fmt.Sprint("b", n))
			_ = g.SendEvent(200, n)
			_ = g.Flush(ctx)
		}
	})
	for worker := range 8 {
		clients.Go(func() {
			for n := range 150 {
				request := &session.Request{Types: []int{'b' + (worker+n)%20}}
				if n%3 > 0 {
					request.From.Last = uint64(rand.IntN(1000)) + 1
				}
				request.HistoryOnly = n%3 == 2
				if n%7 == 0 {
					request.Until = time.Now().UnixNano()
				}
				storm(t, g, request)
			}
		})
	}
	clients.Wait()
	eventually(t, func() bool { return len(g.Stats().Clients) == 0 }, "all are gone")
	return src
}

// storm sends a request, or a part of it, and reads a part of what comes.
func storm(t *testing.T, g *guarded, request *session.Request) {
	conn, err := net.Dial("unix", session.SocketPath(g.socket))
	if !assert.NoError(t, err) {
		return
	}
	defer conn.Close()
	frame, err := session.AppendRequest(nil, request)
	assert.NoError(t, err)
	if rand.IntN(4) == 0 {
		frame = frame[:rand.IntN(len(frame))]
	}
	if _, err := conn.Write(frame); err != nil || rand.IntN(3) == 0 {
		return
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Duration(rand.IntN(20)) * time.Millisecond))
	for r := session.NewReader(conn); ; {
		if _, _, err := r.Next(); err != nil || rand.IntN(50) == 0 {
			return
		}
	}
}

// TestStopDuringSessionStorm stops an agent while clients ask for its history, and others look into it: nothing is left of them.
func TestStopDuringSessionStorm(t *testing.T) {
	for range 3 {
		g := newGuarded(t, agent.WithHistory(interest.Types(typeA), 1<<20))
		serveSessions(t, g.fixture)
		g.keep(t, "a1", "a2")
		var others sync.WaitGroup
		for range 4 {
			others.Go(func() {
				for {
					past, err := g.SubscribeEvents(t.Context(), "past", agent.StreamOptions{Last: 1, Past: true})
					if err != nil {
						assert.ErrorIs(t, err, agent.ErrStopped)
						return
					}
					for range past {
					}
				}
			})
			others.Go(func() {
				for g.Context().Err() == nil {
					conn, err := net.Dial("unix", session.SocketPath(g.socket))
					if err != nil {
						continue // as many as the kernel keeps wait already, or it has stopped
					}
					frame, err := session.AppendRequest(nil, &session.Request{Types: []int{typeB}, From: session.From{Last: 1}})
					assert.NoError(t, err)
					_, _ = conn.Write(frame)
					if rand.IntN(2) == 0 {
						_, _ = conn.Read(make([]byte, 1))
					}
					conn.Close()
				}
			})
		}
		eventually(t, func() bool { return g.Stats().TotalSubscribers.Clients > 20 }, "clients come")
		g.stop()
		others.Wait()
		require.Equal(t, "unknown(97)", g.Stats().Wanted, "what the history keeps")
		require.Empty(t, g.errors("failed"))
	}
}
