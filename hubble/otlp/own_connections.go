// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"net"
	"net/netip"
	"sync"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/grpc/stats"

	"github.com/cilium/monitor/hubble/internal/tcpaddr"
)

// ownConnections are the connections to the collector. HTTP's come by dial; for gRPC it is a handler of statistics, which tell of
// them.
type ownConnections struct {
	mu   sync.RWMutex // guards open
	open map[connection]bool
}

// connection is the ends of a TCP connection, this one first.
type connection struct{ local, remote netip.AddrPort }

func newOwnConnections() *ownConnections { return &ownConnections{open: map[connection]bool{}} }

func connectionOf(local, remote net.Addr) (_ connection, ok bool) {
	from, ok := tcpaddr.Of(local)
	to, both := tcpaddr.Of(remote)
	return connection{from, to}, ok && both
}

func (o *ownConnections) begin(c connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open[c] = true
}

func (o *ownConnections) end(c connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, c)
}

// has tells whether a flow is of one of them.
func (o *ownConnections) has(f *flowpb.Flow) bool {
	tcp := f.GetL4().GetTCP()
	if tcp == nil {
		return false
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if len(o.open) == 0 {
		return false
	}
	source, err := netip.ParseAddr(f.GetIP().GetSource())
	if err != nil {
		return false
	}
	destination, err := netip.ParseAddr(f.GetIP().GetDestination())
	if err != nil {
		return false
	}
	from := netip.AddrPortFrom(source, uint16(tcp.GetSourcePort()))
	to := netip.AddrPortFrom(destination, uint16(tcp.GetDestinationPort()))
	return o.open[connection{from, to}] || o.open[connection{to, from}]
}

type connectionKey struct{}

// TagConn implements stats.Handler.
func (o *ownConnections) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	c, ok := connectionOf(info.LocalAddr, info.RemoteAddr)
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, connectionKey{}, c)
}

// HandleConn implements stats.Handler.
func (o *ownConnections) HandleConn(ctx context.Context, event stats.ConnStats) {
	c, ok := ctx.Value(connectionKey{}).(connection)
	if !ok {
		return
	}
	switch event.(type) {
	case *stats.ConnBegin:
		o.begin(c)
	case *stats.ConnEnd:
		o.end(c)
	}
}

// TagRPC implements stats.Handler.
func (o *ownConnections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (o *ownConnections) HandleRPC(context.Context, stats.RPCStats) {}

// dial connects to a collector.
func (o *ownConnections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c, ok := connectionOf(conn.LocalAddr(), conn.RemoteAddr())
	if !ok {
		return conn, nil
	}
	o.begin(c)
	return &ownConnection{Conn: conn, end: func() { o.end(c) }}, nil
}

// ownConnection is a connection to a collector.
type ownConnection struct {
	net.Conn
	end func()
}

// Close implements net.Conn.
func (c *ownConnection) Close() error {
	c.end()
	return c.Conn.Close()
}
