// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/interest"
)

// TestInterestReplaced has a subscriber go, and others with another interest come, while a consumer holds up
// events that the first one was to get: nobody else gets them.
func TestInterestReplaced(t *testing.T) {
	g := newGuarded(t)
	blocked := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	release := sync.OnceFunc(func() { close(blocked.release) })
	defer release()
	g.RegisterNewConsumer(blocked)
	ctx, leave := context.WithCancel(t.Context())
	_, err := g.SubscribeEvents(ctx, "a", agent.StreamOptions{Interest: interest.Types(typeA)})
	require.NoError(t, err)
	require.True(t, g.src.write("a1", "a2"))
	<-blocked.called
	leave()
	eventually(t, func() bool { return len(g.Stats().Streams) == 0 }, "the first one is gone")

	stream, err := g.SubscribeEvents(t.Context(), "b", agent.StreamOptions{Interest: interest.Types(typeB)})
	require.NoError(t, err)
	l := &picky{wants: interest.Types(typeB)}
	g.RegisterNewListener(l)
	release()
	require.True(t, g.src.write("b1"))
	for e := range stream {
		require.Equal(t, "b1", string(e.Data))
		break
	}
	require.NoError(t, g.Flush(t.Context()))
	require.Equal(t, []string{"b1"}, l.all())
}
