// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

// blockedOnA is a blockedConsumer that wants one type.
type blockedOnA struct{ *blockedConsumer }

func (blockedOnA) Interest() interest.Interest { return interest.Types(typeA) }

// TestSessionsGone has clients ask for history while a consumer holds everything up, and go again: what they asked
// for is not kept until that is over, and they never become subscribers. One who waits does.
func TestSessionsGone(t *testing.T) {
	g := newGuarded(t, agent.WithHistory(interest.Types(typeA), 1<<20))
	src := &selectiveSource{}
	require.NoError(t, g.AttachSource("selective", src))
	serveSessions(t, g.fixture)
	blocked := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(blocked.release) })
	defer release()
	g.RegisterNewConsumer(blockedOnA{blocked})
	require.True(t, g.src.write("a1"))
	<-blocked.called

	send := func(request *session.Request) net.Conn {
		conn, err := net.Dial("unix", session.SocketPath(g.socket))
		require.NoError(t, err)
		frame, err := session.AppendRequest(nil, request)
		require.NoError(t, err)
		_, err = conn.Write(frame)
		require.NoError(t, err)
		return conn
	}
	history := session.From{Last: 1}
	waits := send(&session.Request{Types: []int{'w'}, From: history})
	defer waits.Close()
	for range 100 {
		require.NoError(t, send(&session.Request{Types: []int{'z'}, From: history}).Close())
		require.NoError(t, ask(t, g.fixture, &session.Request{Types: []int{typeB}}).Close()) // the server has seen it since
	}
	release()
	_, err := session.NewReader(waits).ReadGreeting()
	require.NoError(t, err)
	require.True(t, src.last().Has('w'))
	require.False(t, slices.ContainsFunc(src.all(), func(w source.Wanted) bool { return w.Types.Has('z') }))
}
