// SPDX-License-Identifier: Apache-2.0

package format

import (
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

// DenyRule returns the number of the deny rule of the monitor's own datapath, from 1, that dropped the
// packet of e, a drop or a policy verdict, and its text as it was given to the agent. It returns 0 and ""
// for all other events, and where that is not known.
//
// The texts are in what a connection to the agent begins with, and so does a recording of it. The number is in
// the verdict, which comes before the drop. So e knows the rule if it decoded all events of the connection.
func (e *Event) DenyRule() (number int, text string) {
	if n := e.denyRules.current; n > 0 {
		return n, e.denyRules.texts[n-1]
	}
	return 0, ""
}

// TellsDenyRules reports whether e is what DenyRule has the texts from: it is of nothing that happened.
func (e *Event) TellsDenyRules() bool { return e.denyRules.told }

// ForgetDenyRules forgets the texts of the rules: what comes next is of another agent, which has its own.
func (e *Event) ForgetDenyRules() { e.denyRules = denyRules{} }

// denyRules follows a stream of events to know the rule of each drop.
type denyRules struct {
	texts    []string
	verdicts []deniedPacket // the last of each CPU

	// Of the event at hand.
	current int
	told    bool
}

// deniedPacket is what the verdict and the drop of a packet have in common, and its rule.
type deniedPacket struct {
	hash, origLen uint32
	rule          int // 0: there was no such packet
}

// maxCPUs is as many as a Linux kernel can have. The CPU of a payload may be anything.
const maxCPUs = 8192

func (r *denyRules) reset() { r.current, r.told = 0, false }

// follow takes note of e, which has just been decoded.
func (r *denyRules) follow(e *Event) {
	cpu := e.payload.CPU
	switch typ := e.sample.Type; {
	case typ == api.MessageTypeAgent:
		r.learn(e.payload.Data)
	case len(r.texts) == 0 || e.err != nil || cpu < 0 || cpu >= maxCPUs:
	case typ == api.MessageTypePolicyVerdict:
		n := &e.sample.PolicyVerdict
		if n.Verdict < 0 && n.Source == 0 && n.Cookie <= uint32(len(r.texts)) {
			r.current = int(n.Cookie)
		}
		if cpu >= len(r.verdicts) {
			r.verdicts = append(r.verdicts, make([]deniedPacket, cpu+1-len(r.verdicts))...)
		}
		r.verdicts[cpu] = deniedPacket{n.Hash, n.OrigLen, r.current}
	case typ == api.MessageTypeDrop && cpu < len(r.verdicts):
		n := &e.sample.Drop
		if last := r.verdicts[cpu]; last.hash == n.Hash && last.origLen == n.OrigLen {
			r.current = last.rule
		}
		r.verdicts[cpu] = deniedPacket{}
	}
}

// learn takes note of the texts if that is what an agent notification has.
func (r *denyRules) learn(sample []byte) {
	if texts, ok := api.DecodeDenyRules(sample); ok {
		r.texts, r.told = texts, true
		clear(r.verdicts)
	}
}

// rule adds the deny rule if it is known.
func (d *details) rule(e *Event) {
	if _, text := e.DenyRule(); text != "" {
		d.dst = inert.Append(append(d.next(), "rule "...), text)
	}
}

// appendJSONDenyRule appends the member "rule" if the rule is known.
func appendJSONDenyRule(dst []byte, e *Event) []byte {
	if n, text := e.DenyRule(); n > 0 {
		dst = appendStringMember(dst, "rule", text)
	}
	return dst
}
