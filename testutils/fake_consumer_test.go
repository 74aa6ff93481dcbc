// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/accesslog"
)

func TestFakeConsumer(t *testing.T) {
	var c FakeConsumer
	waited := make(chan error, 1)
	go func() { waited <- c.WaitFor(t.Context(), 9) }()

	record := &accesslog.LogRecord{Type: accesslog.TypeRequest, Verdict: accesslog.VerdictDenied, Info: "no"}
	c.NotifyAgentEvent(api.MessageTypeAgent, api.GenericMessage("hello"))
	c.NotifyAgentEvent(api.MessageTypeAccessLog, record)
	c.NotifyAgentEvent(200, "anything")
	c.NotifyPerfEvent([]byte{200}, 3)
	c.NotifyPerfEventLost(5, 1)
	require.NoError(t, <-waited)

	require.Equal(t, []Notification{
		{Type: api.MessageTypeAgent, Message: api.GenericMessage("hello")},
		{Type: api.MessageTypeAccessLog, Message: record},
		{Type: 200, Message: "anything"},
		{Data: []byte{200}, CPU: 3},
		{Lost: 5, CPU: 1},
	}, c.Notifications())
	events, lost := c.Counts()
	require.EqualValues(t, 4, events)
	require.EqualValues(t, 5, lost)

	all := c.Notifications()
	require.Equal(t, `agent Message: "hello"`, all[0].String())
	require.Contains(t, all[1].String(), "Denied, no")
	require.Contains(t, all[2].String(), "anything")
	require.Contains(t, all[3].String(), "unknown(200)")
	require.Contains(t, all[4].String(), "Lost 5 events")
}

// TestWaitInVain sees that the error of a wait says what came instead.
func TestWaitInVain(t *testing.T) {
	var c FakeConsumer
	for _, text := range []string{"1", "2", "3", "4", "5", "6"} {
		c.NotifyAgentEvent(api.MessageTypeAgent, api.GenericMessage(text))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := c.WaitFor(ctx, 7)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, `wait for 7 events: context canceled; saw 6 events and 0 lost, at last:
	agent Message: "2"
	agent Message: "3"
	agent Message: "4"
	agent Message: "5"
	agent Message: "6"`)

	require.NoError(t, c.WaitFor(ctx, 6), "what is there needs no wait")
	require.EqualError(t, new(FakeConsumer).WaitFor(ctx, 1), "wait for 1 events: context canceled; saw 0 events and 0 lost")
}
