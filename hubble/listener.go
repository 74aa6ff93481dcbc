// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"net"
	"sync"
)

// limitedListener closes connections that are too many at once.
type limitedListener struct {
	net.Listener
	limits   *limits
	accepted func(net.Conn)
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, err := clientAt(conn)
		if err == nil {
			err = l.limits.connect(from)
		}
		if err != nil {
			l.limits.refused(conn.RemoteAddr(), from, err)
			conn.Close()
			continue
		}
		l.accepted(conn)
		return &limitedConn{Conn: conn, client: from, closed: sync.OnceFunc(func() { l.limits.disconnect(from) })}, nil
	}
}

// limitedConn counts until it is closed.
type limitedConn struct {
	net.Conn
	client client
	closed func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// RemoteAddr implements net.Conn. All that a request knows of its connection is this address.
func (c *limitedConn) RemoteAddr() net.Addr { return connAddr{c.Conn.RemoteAddr(), c.client} }

// connAddr is the address of a client.
type connAddr struct {
	net.Addr
	client client
}
