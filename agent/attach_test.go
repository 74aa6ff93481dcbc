// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/testutils"
)

// TestDetach detaches while a datapath writes without a pause: what it wrote is distributed
// by then, and it writes no more. After that everything else goes on, and the agent can be
// attached again.
func TestDetach(t *testing.T) {
	f := attached(t)
	c := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(c)
	client := f.connect(t)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		var flood sync.WaitGroup
		flood.Go(func() {
			for ctx.Err() == nil {
				assert.NoError(t, f.gen.EmitTrace(64))
			}
		})
		events, lost := c.Counts()
		require.NoError(t, c.WaitFor(ctx, events+lost+1000))

		require.NoError(t, f.DetachFromEventsMap(t.Context()))
		events, lost = c.Counts()
		require.Equal(t, f.emitted(t), events+lost, "what the datapath wrote")
		cancel()
		flood.Wait()
		require.False(t, f.emits(t))
		require.Nil(t, f.State())
		require.False(t, f.Stats().Attached)
		require.NoError(t, f.DetachFromEventsMap(t.Context()), "it is detached already")

		require.NoError(t, f.AttachToEventsMap(64))
		require.NotNil(t, f.State())
		require.True(t, f.emits(t))
	}
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	eventually(t, func() bool { return client.total() == f.emitted(t)+1 }, "the client has everything")

	f.RemoveConsumer(c)
	require.NoError(t, client.conn.Close())
	eventually(t, func() bool { return f.State() == nil }, "nobody is subscribed")
	require.NoError(t, f.DetachFromEventsMap(t.Context()))
	require.False(t, f.Stats().Attached)
	f.stop()
	require.ErrorIs(t, f.DetachFromEventsMap(t.Context()), agent.ErrStopped)
	require.ErrorIs(t, (*agent.Agent)(nil).DetachFromEventsMap(t.Context()), agent.ErrNoAgent)
}

// blockedConsumer keeps the reader in a callback until it is released.
type blockedConsumer struct {
	consumer.MonitorConsumer
	called, release chan struct{}
}

func (c *blockedConsumer) NotifyPerfEvent([]byte, int) {
	c.called <- struct{}{}
	<-c.release
}

// TestDetachWaits has a consumer hold up a detachment for longer than its context allows. It
// goes on all the same, and another attachment in the meantime holds.
func TestDetachWaits(t *testing.T) {
	f := attached(t)
	c := &blockedConsumer{called: make(chan struct{}, 100), release: make(chan struct{})}
	f.RegisterNewConsumer(c)
	require.NoError(t, f.gen.EmitTrace(1))
	<-c.called
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.DetachFromEventsMap(ctx), context.Canceled)
	require.ErrorIs(t, f.DetachFromEventsMap(ctx), context.Canceled, "it is still under way")
	require.NoError(t, f.AttachToEventsMap(64))
	close(c.release)
	eventually(t, func() bool { return f.Stats().Polls.ByKernel > 0 && f.emits(t) }, "the new attachment is read")
	<-c.called
	f.RemoveConsumer(c)
	require.False(t, f.emits(t))
}

// TestTooManyPages checks that rings which could never be mapped are refused.
func TestTooManyPages(t *testing.T) {
	f := start(t)
	for _, pages := range []int{1<<16 + 1, 1 << 52, 1<<63 - 1} {
		require.ErrorContains(t, f.AttachToEventsMap(pages), "65536")
	}
}
