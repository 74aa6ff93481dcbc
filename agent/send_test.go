// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestLargeEvent checks that an event which clients could not decode is refused, and that
// the others get through.
func TestLargeEvent(t *testing.T) {
	f := start(t)
	c := f.connect(t)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(strings.Repeat("x", 1<<20-1000))))
	require.ErrorContains(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage(strings.Repeat("x", 1<<20))), "1048576")
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("small")))
	eventually(t, func() bool { return c.delivered() == 2 }, "two events are delivered")
}

// TestSendQueueIsBoundedInBytes sends large events while a consumer is in its callback: as many wait
// as their bytes allow, the others are refused, and those that were accepted are delivered.
func TestSendQueueIsBoundedInBytes(t *testing.T) {
	f := start(t, agent.WithQueueBytes(8<<20))
	c := f.connect(t)
	blocking := &blockingConsumer{entered: make(chan struct{}, 1), resume: make(chan struct{})}
	f.RegisterNewConsumer(blocking)
	large := api.GenericMessage(strings.Repeat("x", 300<<10))
	accepted, refused := make(chan error, 1), 0
	go func() { accepted <- f.SendEvent(api.MessageTypeAgent, large) }()
	<-blocking.entered
	sent := uint64(1)
	for range 100 {
		if err := f.SendEvent(api.MessageTypeAgent, large); err == nil {
			sent++
		} else {
			require.ErrorIs(t, err, agent.ErrQueueFull)
			refused++
		}
	}
	require.EqualValues(t, refused, f.Stats().Lost.QueueFull)
	require.Greater(t, sent, uint64(2))
	require.Less(t, sent, uint64(8), "2 MiB may wait")
	close(blocking.resume)
	require.NoError(t, <-accepted)
	eventually(t, func() bool { return c.total() == sent }, "what was accepted is delivered")
	for range 20 {
		require.NoError(t, f.SendEvent(api.MessageTypeAgent, large), "there is room again")
		require.NoError(t, f.Flush(t.Context()))
		sent++
	}
	eventually(t, func() bool { return c.total() == sent }, "what was accepted is delivered")
}

// blockingConsumer stays in its first callback until it is told to go on.
type blockingConsumer struct {
	testutils.FakeConsumer
	entered, resume chan struct{}
}

func (c *blockingConsumer) NotifyAgentEvent(int, any) {
	select {
	case c.entered <- struct{}{}:
	default:
	}
	<-c.resume
}

// TestDatapathTypesStayInside sends events under the message types of the datapath: consumers of
// the process get them, clients, listeners and streams do not, to whom they would be samples
// that can't be decoded.
func TestDatapathTypesStayInside(t *testing.T) {
	f := start(t)
	c, l := f.connect(t), &testutils.FakeListener{}
	f.RegisterNewListener(l)
	stream := read(f.Subscribe(t.Context(), "stream"))
	for _, typ := range []int{0, api.MessageTypeDrop, 8, 128} {
		require.NoError(t, f.SendEvent(typ, "nobody is there"))
	}
	consumer := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(consumer)
	for typ := range api.MessageTypeAccessLog {
		require.NoError(t, f.SendEvent(typ, make(chan int)), "it need not be encoded")
	}
	require.NoError(t, f.SendEvent(api.MessageTypeAccessLog, "to all"))
	eventually(t, func() bool { return c.total() == 1 }, "the client has the last one")
	eventually(t, func() bool { return stream.events.Load() == 1 }, "the stream has the last one")
	require.Len(t, l.Payloads(), 1)
	events, _ := consumer.Counts()
	require.EqualValues(t, api.MessageTypeAccessLog+1, events)
	require.ErrorContains(t, f.SendEvent(-1, nil), "-1")
	require.ErrorContains(t, f.SendEvent(256, nil), "256")
}
