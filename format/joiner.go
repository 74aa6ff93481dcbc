// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bytes"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// Joiner prints the events of one stream in their order, and makes one line of the two events that
// tell of one packet that policy denied: the verdict and the drop. For that it keeps back the line of a verdict
// until the next event comes, or Flush is called, as it has to be whenever nothing more is there to be
// printed. Not safe for concurrent use.
type Joiner struct {
	f    *Formatter
	held []byte // the line of the last event if that is a verdict that denies

	// Of that verdict: what it says that the drop does not, and what the drop is known by.
	denied  []byte
	cpu     int
	hash    uint32
	origLen uint32
	packet  []byte
}

// NewJoiner returns a joiner that prints with f. With an output other than OutputCompact it joins
// nothing.
func NewJoiner(f *Formatter) *Joiner { return &Joiner{f: f} }

// Append appends what there is to print now: complete lines, of an event before e, too. shown tells whether e is
// printed, by this call or a later one, and not hidden by the level.
func (j *Joiner) Append(dst []byte, e *Event) (out []byte, shown bool) {
	if len(j.held) > 0 {
		if j.isDrop(e) {
			e.denied = j.denied
		} else {
			dst = append(dst, j.held...)
		}
		j.held = j.held[:0]
	}
	if j.f.opts.Output == OutputCompact && j.hold(e) {
		j.held = j.f.Append(j.held, e)
		return dst, len(j.held) > 0
	}
	out = j.f.Append(dst, e)
	return out, len(out) > len(dst)
}

// Flush appends what was kept back.
func (j *Joiner) Flush(dst []byte) []byte {
	dst = append(dst, j.held...)
	j.held = j.held[:0]
	return dst
}

// hold remembers e if it is a verdict that a drop may follow.
func (j *Joiner) hold(e *Event) bool {
	if e.payload.Type != payload.EventSample || e.sample.Type != api.MessageTypePolicyVerdict || e.Err() != nil {
		return false
	}
	n := &e.sample.PolicyVerdict
	if n.Action() != verdictDeny || len(e.sample.Packet) == 0 {
		return false
	}
	j.cpu, j.hash, j.origLen = e.payload.CPU, n.Hash, n.OrigLen
	j.packet = append(j.packet[:0], e.sample.Packet...)
	j.denied = j.f.appendPolicy(details{dst: j.denied[:0], more: true}, e, true).dst
	return true
}

// isDrop reports whether e is the drop of the packet whose verdict is kept back.
func (j *Joiner) isDrop(e *Event) bool {
	if e.payload.Type != payload.EventSample || e.sample.Type != api.MessageTypeDrop || e.Err() != nil {
		return false
	}
	n := &e.sample.Drop
	return e.payload.CPU == j.cpu && n.Hash == j.hash && n.OrigLen == j.origLen && bytes.Equal(e.sample.Packet, j.packet)
}
