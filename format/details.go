// SPDX-License-Identifier: Apache-2.0

package format

import (
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

// details appends to a line what there is to say of an event: ": " before the first thing and ", " between
// them. What is not known is not said.
type details struct {
	dst  []byte
	more bool // there is one already
}

// next returns dst with what stands before the next detail, which is to be appended.
func (d *details) next() []byte {
	if d.more {
		return append(d.dst, ", "...)
	}
	d.more = true
	return append(d.dst, ": "...)
}

// text adds what is not empty. It must need no escaping.
func (d *details) text(prefix, text string) {
	if text != "" {
		d.dst = append(append(d.next(), prefix...), text...)
	}
}

// uint adds what is not 0.
func (d *details) uint(prefix string, n uint64) {
	if n != 0 {
		d.dst = appendUint(d.next(), prefix, n)
	}
}

// place adds the name of a network interface, and the VLAN that the packet is in there.
func (d *details) place(e *Event, ifindex uint32) {
	if ifindex != 0 {
		d.dst = appendInterface(d.next(), e, ifindex)
	}
	d.vlans(e)
}

// vlans adds the VLAN that the packet is in; of several, each in the one before, as in "200.100".
func (d *details) vlans(e *Event) {
	var room [maxVLANs]uint16
	for i, id := range e.dissection().outerVLANs(room[:0]) {
		if i == 0 {
			d.dst = appendUint(d.next(), "vlan ", uint64(id))
		} else {
			d.dst = appendUint(d.dst, ".", uint64(id))
		}
	}
}

// appendInterface appends the name of a network interface, or says that it is an index.
func appendInterface(dst []byte, e *Event, ifindex uint32) []byte {
	name := e.nameOf(ifindex)
	if strings.Trim(name, "0123456789") == "" {
		dst = append(dst, "ifindex "...)
	}
	return inert.Append(dst, name)
}

// mark adds the mark of a packet.
func (d *details) mark(mark uint32) {
	if mark != 0 {
		d.dst = appendHex(append(d.next(), "mark "...), uint64(mark))
	}
}

// endpoints adds the endpoints that a packet comes from and goes to.
func (d *details) endpoints(from, to uint64) {
	if from != 0 && to != 0 {
		d.dst = appendUint(appendUint(d.next(), "endpoint ", from), "->", to)
		return
	}
	d.uint("from endpoint ", from)
	d.uint("to endpoint ", to)
}

// identities adds the security identities of both sides.
func (d *details) identities(f *Formatter, from, to api.NumericIdentity) {
	const unknown = api.NumericIdentity(0)
	switch {
	case from != unknown && to != unknown:
		d.dst = f.appendIdentities(append(d.next(), "identity "...), from, to)
	case from != unknown:
		d.dst = f.appendIdentity(append(d.next(), "from identity "...), from)
	case to != unknown:
		d.dst = f.appendIdentity(append(d.next(), "to identity "...), to)
	}
}

// all reports whether lines have the details that are for those who look for a fault in the datapath.
func (f *Formatter) all() bool { return f.opts.Level >= LevelDebug }

// appendPacketDetails returns d with the last details of an event with a packet.
func (f *Formatter) appendPacketDetails(d details, e *Event, hash, origLen uint32, capLen uint16) details {
	if f.all() {
		d.dst = appendLengths(d.next(), origLen, capLen)
	}
	return f.appendFlowDetails(d, e, hash)
}

// appendFlowDetails returns d with what tells the flow and the CPU of an event.
func (f *Formatter) appendFlowDetails(d details, e *Event, hash uint32) details {
	if f.all() && hash != 0 {
		d.dst = appendHex(append(d.next(), "flow "...), uint64(hash))
	}
	return f.appendCPUDetail(d, e)
}

func (f *Formatter) appendCPUDetail(d details, e *Event) details {
	if f.all() && e.payload.CPU >= 0 {
		d.dst = appendUint(d.next(), "CPU ", uint64(e.payload.CPU))
	}
	return d
}
