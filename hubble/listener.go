// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"net"
	"sync"
	"sync/atomic"
)

// limitedListener closes connections that are too many at once.
type limitedListener struct {
	net.Listener
	accepted func(net.Conn)
	open     atomic.Int32
}

func newLimitedListener(l net.Listener, accepted func(net.Conn)) *limitedListener {
	return &limitedListener{Listener: l, accepted: accepted}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) > maxConnections {
			l.open.Add(-1)
			conn.Close()
			continue
		}
		l.accepted(conn)
		return &limitedConn{Conn: conn, closed: func() { l.open.Add(-1) }}, nil
	}
}

// limitedConn counts until it is closed.
type limitedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}
