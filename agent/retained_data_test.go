// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/listener"
	"github.com/cilium/monitor/testutils"
)

// TestKeptData checks that what consumers and listeners keep is the same after much more
// has gone through the agent, also for clients that fall behind.
func TestKeptData(t *testing.T) {
	f := attached(t, agent.WithQueueSize(16))
	f.dial(t) // never reads
	keeper := &keepingConsumer{}
	f.RegisterNewConsumer(keeper)
	l := &keepingListener{}
	f.RegisterNewListener(l)
	require.NoError(t, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(5000) }))
	f.stop()

	require.NotEmpty(t, keeper.kept)
	require.Equal(t, keeper.copies, keeper.kept)
	require.Len(t, l.kept, len(keeper.kept)+keeper.losses)
	for i, pl := range l.kept {
		require.Equal(t, l.copies[i], *pl)
	}
}

// keepingConsumer keeps what it gets and a copy of it. It is called by one goroutine at a
// time, and read after the agent has stopped.
type keepingConsumer struct {
	kept, copies [][]byte
	losses       int
}

func (c *keepingConsumer) NotifyAgentEvent(int, any) {}
func (c *keepingConsumer) NotifyPerfEvent(data []byte, _ int) {
	c.kept = append(c.kept, data)
	c.copies = append(c.copies, append([]byte(nil), data...))
}
func (c *keepingConsumer) NotifyPerfEventLost(uint64, int) { c.losses++ }

type keepingListener struct {
	mu     sync.Mutex
	kept   []*payload.Payload
	copies []payload.Payload
}

func (l *keepingListener) Enqueue(pl *payload.Payload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, pl)
	same := *pl
	same.Data = append([]byte(nil), pl.Data...)
	l.copies = append(l.copies, same)
}
func (l *keepingListener) Version() listener.Version { return listener.Version1_2 }
func (l *keepingListener) Close()                    {}
