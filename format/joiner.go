// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bytes"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// Joiner prints the events of one stream in their order, and makes one line of the two events that
// tell of one packet that policy denied: the verdict and the drop. For that it keeps back a verdict
// until the next event comes, or Flush is called, as it has to be when nothing more is there to be
// printed for [JoinTimeout]. Not safe for concurrent use.
type Joiner struct {
	f    *Formatter
	held []byte // the line of the last event if that is a verdict that denies

	// That verdict, and what its drop is known by besides.
	denied api.PolicyVerdictNotify
	cpu    int
	packet []byte
}

// JoinTimeout is how long a verdict waits for its drop, which the datapath writes right behind it.
const JoinTimeout = 100 * time.Millisecond

// NewJoiner returns a joiner that prints with f. With an output other than OutputCompact it joins
// nothing.
func NewJoiner(f *Formatter) *Joiner { return &Joiner{f: f} }

// Settle appends what was kept back unless it becomes one line with e, which is going to be given to Append. Who
// counts what is printed needs it: Append may print two things.
func (j *Joiner) Settle(dst []byte, e *Event) []byte {
	if len(j.held) == 0 || j.isDrop(e) {
		return dst
	}
	return j.Flush(dst)
}

// Append appends what there is to print now: complete lines, of an event before e, too, unless Settle did.
// kept tells that e is kept back. What is neither kept nor printed is hidden by the level.
func (j *Joiner) Append(dst []byte, e *Event) (out []byte, kept bool) {
	dst = j.Settle(dst, e)
	if len(j.held) > 0 {
		e.denied = &j.denied
		j.held = j.held[:0]
	}
	if j.f.opts.Output == OutputCompact && j.hold(e) {
		j.held = j.f.Append(j.held, e)
		return dst, len(j.held) > 0
	}
	return j.f.Append(dst, e), false
}

// Holds reports whether something is kept back.
func (j *Joiner) Holds() bool { return len(j.held) > 0 }

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
	j.denied, j.cpu = *n, e.payload.CPU
	j.packet = append(j.packet[:0], e.sample.Packet...)
	return true
}

// isDrop reports whether e is the drop of the packet whose verdict is kept back.
func (j *Joiner) isDrop(e *Event) bool {
	if e.payload.Type != payload.EventSample || e.sample.Type != api.MessageTypeDrop || e.Err() != nil {
		return false
	}
	n := &e.sample.Drop
	return e.payload.CPU == j.cpu && n.Hash == j.denied.Hash && n.OrigLen == j.denied.OrigLen && bytes.Equal(e.sample.Packet, j.packet)
}
