// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
)

// server is an agent as far as a client can tell.
type server struct {
	t        *testing.T
	listener net.Listener
}

// serve listens on the socket at path until the test ends or stop is called.
func serve(t *testing.T, path string) *server {
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return &server{t, l}
}

// stop removes the socket.
func (s *server) stop() { require.NoError(s.t, s.listener.Close()) }

// accept waits for a client and opens its session.
func (s *server) accept() *connection {
	c := s.acceptRaw()
	c.write(payload.AppendTypeInfo(nil))
	return c
}

func (s *server) acceptRaw() *connection {
	conn, err := s.listener.Accept()
	require.NoError(s.t, err)
	s.t.Cleanup(func() { conn.Close() })
	return &connection{s.t, conn}
}

type connection struct {
	t *testing.T
	net.Conn
}

func (c *connection) write(b []byte) {
	_, err := c.Conn.Write(b)
	require.NoError(c.t, err)
}

// send sends events with these Data in one write.
func (c *connection) send(data ...string) {
	c.write(values(data...))
}

func values(data ...string) (b []byte) {
	for _, d := range data {
		b = payload.AppendValue(b, &payload.Payload{Data: []byte(d), CPU: 1, Type: payload.EventSample})
	}
	return b
}

func socketPath(t *testing.T) string { return filepath.Join(t.TempDir(), "monitor.sock") }
