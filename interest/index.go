// SPDX-License-Identifier: Apache-2.0

package interest

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/cilium/monitor/api/session"
)

// MaxIndexed is how many interests an [Index] has at most.
const MaxIndexed = 64

// Index finds those of several interests that want an event, without asking each that wants packets of other ports. It
// is not changed, and safe for concurrent use.
type Index struct {
	interests []Interest
	byPort    uint64 // bit n: interest n is in packets of some ports only
	changes   []change
}

// change says which of the interests by port are in packets of the ports from one on, up to the next change.
type change struct {
	from uint32
	in   uint64
}

// NewIndex returns an index of at most [MaxIndexed] interests, which it keeps.
func NewIndex(interests []Interest) *Index {
	x := &Index{interests: interests}
	from := []uint32{0}
	for n := range interests {
		rules := interests[n].Packets
		withoutPorts := func(r session.PacketRule) bool { return len(r.Ports) == 0 }
		if len(rules) == 0 || slices.ContainsFunc(rules, withoutPorts) {
			continue
		}
		x.byPort |= 1 << n
		for _, r := range rules {
			for _, ports := range r.Ports {
				from = append(from, uint32(ports.First), uint32(ports.Last)+1)
			}
		}
	}
	slices.Sort(from)
	for _, port := range slices.Compact(from) {
		x.changes = append(x.changes, change{from: port})
	}
	for byPort := x.byPort; byPort != 0; byPort &= byPort - 1 {
		n := bits.TrailingZeros64(byPort)
		for _, r := range interests[n].Packets {
			for _, ports := range r.Ports {
				for i := x.find(uint32(ports.First)); x.changes[i].from <= uint32(ports.Last); i++ {
					x.changes[i].in |= 1 << n
				}
			}
		}
	}
	return x
}

// find returns the last change that is not behind a port.
func (x *Index) find(port uint32) int {
	i, found := slices.BinarySearchFunc(x.changes, port, func(c change, port uint32) int { return cmp.Compare(c.from, port) })
	if found {
		return i
	}
	return i - 1
}

// Wants returns which interests want an event, among those of which the bits are set and which want its message type.
func (x *Index) Wants(e *Event, among uint64) uint64 {
	if others := among & x.byPort; others != 0 && len(e.sample) > 0 && hasPacket(e.sample[0]) && e.knowsPacket() {
		among &^= others &^ x.ofPorts(e)
	}
	for rest := among; rest != 0; rest &= rest - 1 {
		if n := bits.TrailingZeros64(rest); !x.interests[n].WantsEvent(e) {
			among &^= 1 << n
		}
	}
	return among
}

// ofPorts returns which interests by port are in a port of the packet.
func (x *Index) ofPorts(e *Event) (in uint64) {
	if said := e.saidPort(); said != 0 {
		in = x.changes[x.find(uint32(said))].in
	}
	for i := range e.dissected.Headers {
		if h := &e.dissected.Headers[i]; h.HasPorts {
			in |= x.changes[x.find(uint32(h.SrcPort))].in | x.changes[x.find(uint32(h.DstPort))].in
		}
	}
	return in
}
