// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"context"
	"net/netip"
	"sync"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	"google.golang.org/grpc/stats"

	"github.com/cilium/monitor/hubble/internal/tcpaddr"
)

// ownConnections are the connections to the collector. It is a handler of gRPC's statistics, which tell of them.
type ownConnections struct {
	mu   sync.RWMutex // guards open
	open map[connection]bool
}

// connection is the ends of a TCP connection, this one first.
type connection struct{ local, remote netip.AddrPort }

func newOwnConnections() *ownConnections { return &ownConnections{open: map[connection]bool{}} }

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
	local, ok := tcpaddr.Of(info.LocalAddr)
	remote, both := tcpaddr.Of(info.RemoteAddr)
	if !ok || !both {
		return ctx
	}
	return context.WithValue(ctx, connectionKey{}, connection{local, remote})
}

// HandleConn implements stats.Handler.
func (o *ownConnections) HandleConn(ctx context.Context, event stats.ConnStats) {
	c, ok := ctx.Value(connectionKey{}).(connection)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch event.(type) {
	case *stats.ConnBegin:
		o.open[c] = true
	case *stats.ConnEnd:
		delete(o.open, c)
	}
}

// TagRPC implements stats.Handler.
func (o *ownConnections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (o *ownConnections) HandleRPC(context.Context, stats.RPCStats) {}
