// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/interest"
)

// keepAt puts an event with a time into the history, as if the clock had been other then.
func (a *Agent) keepAt(at time.Time, text string) {
	defer a.release()
	a.deliverPendingLocked(a.dispatch.acquire())
	a.history.log.SetTime(at.UnixNano())
	a.history.log.Append(&payload.Payload{Type: payload.EventSample, Data: []byte(text)})
	a.history.commitLocked()
}

// TestClockSetBack has a history in which the clock was set back by an hour: what was kept before that is behind the time that a client asks for,
// and does not end its session before it got what came since, nor is it counted.
func TestClockSetBack(t *testing.T) {
	a := NewAgent(t.Context(), WithHistory(interest.Interest{}, 1<<20))
	socket := filepath.Join(t.TempDir(), "monitor.sock")
	require.NoError(t, ServeSessions(a, WithSocketPath(session.SocketPath(socket))))
	now := time.Now()
	a.keepAt(now.Add(-2*time.Minute), "\x01early")
	a.keepAt(now.Add(time.Hour), "\x01ahead")
	a.keepAt(now.Add(-time.Minute), "\x01late")
	for name, request := range map[string]session.Request{
		"last":     {From: session.From{Last: 2}, Until: now.UnixNano()},
		"since":    {From: session.From{Since: 1}, Until: now.UnixNano(), HistoryOnly: true},
		"not over": {From: session.From{Since: 1}, Until: time.Now().Add(100 * time.Millisecond).UnixNano()},
	} {
		c, err := client.DialRequest(t.Context(), socket, &request)
		require.NoError(t, err)
		var got []string
		for e, err := range c.Events() {
			if err != nil {
				require.ErrorIs(t, err, client.ErrEnd)
				break
			}
			got = append(got, string(e.Data))
		}
		require.Equal(t, []string{"\x01early", "\x01late"}, got, name)
		require.NoError(t, c.Close())
	}
	for name, opts := range map[string]StreamOptions{
		"last":  {Last: 2, Until: now},
		"since": {Since: time.Unix(0, 1), Until: now, Past: true},
	} {
		stream, err := a.SubscribeEvents(t.Context(), "reader", opts)
		require.NoError(t, err)
		var got []string
		for e := range stream {
			got = append(got, string(e.Data))
		}
		require.Equal(t, []string{"\x01early", "\x01late"}, got, name)
	}
	require.Eventually(t, func() bool { return len(a.Stats().Clients) == 0 }, 30*time.Second, time.Millisecond)
	require.EqualValues(t, 6, a.Stats().ClientTotals.Delivered)
}
