// SPDX-License-Identifier: Apache-2.0

package hubble

import (
	"net"
	"net/netip"
	"sync"

	flowpb "github.com/cilium/cilium/api/v1/flow"

	"github.com/cilium/monitor/hubble/internal/tcpaddr"
)

// ownAddresses are the addresses and ports at which this server has been reached by TCP. Flows from and to them are not sent:
// on a device that is observed each of them would make another one.
type ownAddresses struct {
	mu    sync.RWMutex // guards what follows
	known map[netip.AddrPort]bool
	ports map[uint32]bool // of known
}

func newOwnAddresses() *ownAddresses {
	return &ownAddresses{known: map[netip.AddrPort]bool{}, ports: map[uint32]bool{}}
}

// has tells whether a flow is from or to one of them.
func (o *ownAddresses) has(f *flowpb.Flow) bool {
	tcp := f.GetL4().GetTCP()
	if tcp == nil {
		return false
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.hasLocked(f.GetIP().GetSource(), tcp.GetSourcePort()) ||
		o.hasLocked(f.GetIP().GetDestination(), tcp.GetDestinationPort())
}

func (o *ownAddresses) hasLocked(address string, port uint32) bool {
	if !o.ports[port] {
		return false
	}
	ip, err := netip.ParseAddr(address)
	return err == nil && o.known[netip.AddrPortFrom(ip, uint16(port))]
}

// add adds the address at which a client reached the server.
func (o *ownAddresses) add(conn net.Conn) {
	address, ok := tcpaddr.Of(conn.LocalAddr())
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known[address] = true
	o.ports[uint32(address.Port())] = true
}
