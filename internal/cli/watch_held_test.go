// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/testutils"
)

// TestWatchLastOfAnAgentThatGoes has an agent go away while it tells what happened before: what has come is printed, and the next agent is
// asked for what comes behind it.
func TestWatchLastOfAnAgentThatGoes(t *testing.T) {
	socket := testutils.SocketPath(t)
	l, err := net.Listen("unix", session.SocketPath(socket))
	require.NoError(t, err)
	defer l.Close()
	w := startMonitor(t, "watch", "-t", "drop", "--last", "5", "--count", "3", "--monitor-socket-path", socket)
	at := time.Now().UnixNano()
	drop := func(reason byte) []byte {
		sample := make([]byte, 36)
		sample[0], sample[1] = api.MessageTypeDrop, reason
		at++
		return session.AppendEvent(nil, at, 0, sample)
	}
	answer := func(frames ...[]byte) *session.Request {
		conn, err := l.Accept()
		require.NoError(t, err)
		defer conn.Close()
		r, err := session.ReadRequest(conn)
		require.NoError(t, err)
		out, err := session.AppendGreeting(nil, &session.Greeting{
			Version: session.Version, ByteOrder: recording.LittleEndian, History: &session.History{},
			Applies:    session.Applies{Types: true, DropReasons: true, Packets: true, From: true, Until: true},
			Dictionary: session.Dictionary{DenyRules: []string{"udp/9"}}, // so that verdicts are asked for, too
		})
		require.NoError(t, err)
		for _, frame := range frames {
			out = append(out, frame...)
		}
		_, _ = conn.Write(out) // the watch closes the first one once it knows the rules
		return r
	}
	require.EqualValues(t, 5, answer().From.Last)
	require.Greater(t, answer(drop(133), drop(134)).From.Last, uint64(5))
	since := at + 1
	require.Equal(t, session.From{Since: since}, answer(session.AppendLive(nil), drop(135)).From)
	w.waitExit(0)
	require.Equal(t, 3, strings.Count(w.stdout.String(), "DROP"), w.stdout.String())
}
