// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/testutils"
)

// TestRemovedInCallback checks that a consumer which another one removes does not get the
// event that is being delivered.
func TestRemovedInCallback(t *testing.T) {
	f := start(t)
	second := &testutils.FakeConsumer{}
	f.RegisterNewConsumer(&removingConsumer{agent: f.Agent, other: second})
	f.RegisterNewConsumer(second)
	require.NoError(t, f.SendEvent(api.MessageTypeAgent, api.GenericMessage("hello")))
	events, _ := second.Counts()
	require.Zero(t, events)
}

type removingConsumer struct {
	testutils.FakeConsumer
	agent *agent.Agent
	other *testutils.FakeConsumer
}

func (c *removingConsumer) NotifyAgentEvent(int, any) { c.agent.RemoveConsumer(c.other) }

// TestLastOneLeavesInCallback checks that the last subscriber can remove itself, and come
// back, from a callback: of an event of the datapath and of one that was sent.
func TestLastOneLeavesInCallback(t *testing.T) {
	f := attached(t)
	c := &leavingConsumer{agent: f.Agent, called: make(chan struct{})}
	for range 20 {
		f.RegisterNewConsumer(c)
		require.NoError(t, f.gen.EmitTrace(1))
		<-c.called
		require.NotNil(t, f.State(), "it came back")
		f.RemoveConsumer(c)
		require.Nil(t, f.State())

		f.RegisterNewConsumer(c)
		go func() { _ = f.SendEvent(api.MessageTypeAgent, api.GenericMessage("go")) }()
		<-c.called
		require.NotNil(t, f.State())
		f.RemoveConsumer(c)
		require.False(t, f.emits(t))
	}
}

type leavingConsumer struct {
	agent  *agent.Agent
	called chan struct{}
}

func (c *leavingConsumer) NotifyAgentEvent(int, any)       { c.leave() }
func (c *leavingConsumer) NotifyPerfEvent([]byte, int)     { c.leave() }
func (c *leavingConsumer) NotifyPerfEventLost(uint64, int) {}
func (c *leavingConsumer) leave() {
	c.agent.RemoveConsumer(c)
	c.agent.RegisterNewConsumer(c)
	c.called <- struct{}{}
}
