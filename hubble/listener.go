// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// errNoConn is the error of a request that came by none of a limitedListener's connections.
var errNoConn = status.Error(codes.Internal, "the connection of the request is not known")

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
	once     sync.Once
	closed   func()
	requests atomic.Int32 // of it that are being answered
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// RemoteAddr implements net.Conn. All that a request knows of its connection is this address.
func (c *limitedConn) RemoteAddr() net.Addr { return connAddr{c.Conn.RemoteAddr(), c} }

// connAddr is the address of who is at the other end of a connection.
type connAddr struct {
	net.Addr
	conn *limitedConn
}

// connOf returns the connection that a request came by.
func connOf(ctx context.Context) (*limitedConn, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, errNoConn
	}
	addr, ok := p.Addr.(connAddr)
	if !ok {
		return nil, errNoConn
	}
	return addr.conn, nil
}
