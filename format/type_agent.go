// SPDX-License-Identifier: Apache-2.0

package format

import "github.com/cilium/monitor/internal/inert"

var agentType = descriptor{
	lazy:     true,
	decode:   decodeSample,
	line:     (*Formatter).appendAgent,
	cilium:   (*Formatter).appendCiliumAgent,
	json:     (*Formatter).appendJSONAgent,
	kind:     func(e *Event) summaryKind { return summaryKind{text: e.sample.Agent.Type.String()} },
	kindName: func(k summaryKind) string { return k.text },
}

func (f *Formatter) appendAgent(dst []byte, e *Event) []byte {
	return appendNotification(f.appendWord(dst, colorNone, wordAgent), e)
}

// appendNotification appends type and text of an agent notification.
func appendNotification(dst []byte, e *Event) []byte {
	dst = append(dst, e.sample.Agent.Type.String()...)
	return inert.Append(append(dst, ": "...), e.sample.Agent.Text)
}

func (f *Formatter) appendJSONAgent(dst []byte, e *Event) []byte {
	dst = appendStringMember(dst, "type", "agent")
	dst = appendStringMember(dst, "subtype", e.sample.Agent.Type.String())
	return appendRawMember(dst, "message", e.sample.Agent.Text)
}
