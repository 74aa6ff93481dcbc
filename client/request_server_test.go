// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
)

// serveRequests listens where the agent whose API 1.2 is at path serves the API 1.3.
func serveRequests(t *testing.T, path string) *server { return serve(t, session.SocketPath(path)) }

// acceptRequest waits for a client, and returns what it asks for.
func (s *server) acceptRequest() (*connection, *session.Request) {
	c := s.acceptRaw()
	request, err := session.ReadRequest(c)
	require.NoError(s.t, err)
	return c, request
}

// acceptGreeted waits for a client and greets it.
func (s *server) acceptGreeted() (*connection, *session.Request) {
	c, request := s.acceptRequest()
	c.greet()
	return c, request
}

func (c *connection) greet() { c.write(greetingFrame()) }

// greeting is that of the server.
func greeting() *session.Greeting {
	return &session.Greeting{
		Version: "1.3", Agent: "test", ByteOrder: recording.HostByteOrder(), Time: 5,
		Applies:    session.Applies{Types: true},
		Dictionary: session.Dictionary{Names: recording.Names{Node: "node-a", Interfaces: map[uint32]string{1: "lo"}}},
	}
}

func greetingFrame() []byte { return must(session.AppendGreeting(nil, greeting())) }

// refuse answers with a refusal and closes.
func (c *connection) refuse(r session.Refusal) {
	c.write(must(session.AppendRefusal(nil, &r)))
	c.Close()
}

// sendEvents sends an event with each time as its time and its Data.
func (c *connection) sendEvents(times ...int64) {
	var b []byte
	for _, at := range times {
		b = session.AppendEvent(b, at, 1, []byte{byte(at)})
	}
	c.write(b)
}

func must(frame []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return frame
}

var busy = session.Refusal{Code: session.CodeBusy, Text: "it has 2 clients", Temporary: true}
