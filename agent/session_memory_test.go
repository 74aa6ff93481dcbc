// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	monitorclient "github.com/cilium/monitor/client"
	"github.com/cilium/monitor/interest"
)

// askOnly sends a request and reads nothing.
func askOnly(t *testing.T, f *fixture, request *session.Request) {
	t.Helper()
	conn, err := net.Dial("unix", session.SocketPath(f.socket))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	frame, err := session.AppendRequest(nil, request)
	require.NoError(t, err)
	_, err = conn.Write(frame)
	require.NoError(t, err)
}

// TestSessionsThatDoNotReadHistory has many clients ask for all of a long history and read nothing: each has a buffer's worth of it,
// and one that reads gets all.
func TestSessionsThatDoNotReadHistory(t *testing.T) {
	const clients = 60
	g := newGuarded(t, agent.WithHistory(interest.Interest{}, 4<<20))
	serveSessions(t, g.fixture)
	events := 0
	for g.Stats().History.Memory < 3<<20 {
		samples := make([]string, 1000)
		for n := range samples {
			samples[n] = fmt.Sprintf("a%200d", events)
			events++
		}
		g.keep(t, samples...)
	}
	before := heap()
	for range clients {
		askOnly(t, g.fixture, &session.Request{From: session.From{Last: 1 << 40}})
	}
	eventually(t, func() bool {
		stats := g.Stats()
		return len(stats.Clients) == clients && stats.Clients[clients-1].Delivered > 0
	}, "all are written to")
	perClient := (heap() - before) / clients
	t.Logf("%d bytes of memory for each", perClient)
	require.Less(t, perClient, 200<<10)
	c := ask(t, g.fixture, &session.Request{From: session.From{Last: 1 << 40}, HistoryOnly: true})
	require.Equal(t, monitorclient.ErrEnd.Error(), texts(t, c, events+1)[events])
}

// TestGreetingsAreBounded has clients that do not read a large greeting. Those beyond what the agent keeps for sessions are
// disconnected, and one that reads is not.
func TestGreetingsAreBounded(t *testing.T) {
	names := make(map[uint32]string)
	for n := range uint32(1000) {
		names[n] = strings.Repeat("n", 900)
	}
	dictionary := &session.Dictionary{Names: recording.Names{Interfaces: names}}
	g := newGuarded(t, agent.WithQueueBytes(agent.MinQueueBytes))
	serveSessions(t, g.fixture, agent.WithDictionary(func() *session.Dictionary { return dictionary }))
	require.Len(t, ask(t, g.fixture, &session.Request{}).Greeting().Dictionary.Interfaces, 1000)
	for range 5 {
		askOnly(t, g.fixture, &session.Request{})
	}
	eventually(t, func() bool { return g.Stats().TotalSubscribers.Clients == 6 && len(g.Stats().Clients) == 2 }, "one has as much as all may have")
	require.EqualValues(t, 4, g.Stats().WriteErrors)
}

// TestSessionsThatAskForEver has clients that ask for all of a long history again and again, and leave at once. One that is there
// gets each event all the while, and one that comes what it asks for.
func TestSessionsThatAskForEver(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA, typeB), 4<<20))
	serveSessions(t, g.fixture)
	for g.Stats().History.Memory < 3<<20 {
		g.keep(t, slices.Repeat([]string{fmt.Sprintf("b%200d", 0)}, 1000)...)
	}
	ctx, stop := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	defer attackers.Wait()
	defer stop()
	for range 4 {
		attackers.Go(func() {
			for ctx.Err() == nil {
				conn, err := net.Dial("unix", session.SocketPath(g.socket))
				if err != nil { // as many as the kernel keeps wait already
					continue
				}
				frame, err := session.AppendRequest(nil, &session.Request{Types: []int{typeA}, From: session.From{Last: 1 << 40}})
				assert.NoError(t, err)
				_, _ = conn.Write(frame)
				conn.Close()
			}
		})
	}
	c := g.connect(t)
	for n := range uint64(100) {
		require.NoError(t, g.SendEvent(200, n))
		eventually(t, func() bool { return c.total() == n+1 }, "the server has time for others")
	}
	stop()
	attackers.Wait()
	var late *monitorclient.Client
	eventually(t, func() (ok bool) {
		var err error
		late, err = monitorclient.DialRequest(t.Context(), g.socket, &session.Request{Types: []int{typeA}, From: session.From{Last: 9}, HistoryOnly: true})
		return err == nil
	}, "those before it are done with")
	defer late.Close()
	require.Equal(t, []string{monitorclient.ErrEnd.Error()}, texts(t, late, 1))
}
