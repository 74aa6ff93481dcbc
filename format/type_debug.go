// SPDX-License-Identifier: Apache-2.0

package format

import (
	"bytes"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/internal/inert"
)

var debugType = descriptor{
	level:    LevelDebug,
	decode:   decodeSample,
	line:     (*Formatter).appendDebug,
	cilium:   (*Formatter).appendCiliumDebug,
	json:     (*Formatter).appendJSONDebug,
	kind:     func(e *Event) summaryKind { return summaryKind{a: e.sample.Debug.SubType} },
	kindName: func(k summaryKind) string { return api.DebugName(k.a) },
	from:     func(e *Event) (uint64, bool) { return uint64(e.sample.Debug.Source), true },
}

func (f *Formatter) appendDebug(dst []byte, e *Event) []byte {
	n := &e.sample.Debug
	d := details{dst: f.appendDebugMessage(f.appendWord(dst, colorNone, wordDebug), e), more: true}
	d.uint("endpoint ", uint64(n.Source))
	return f.appendFlowDetails(d, e, n.Hash).dst
}

func (f *Formatter) appendJSONDebug(dst []byte, e *Event) []byte {
	dst = appendJSONHead(dst, e, "debug")
	dst = append(appendKey(dst, "message"), '"')
	start := len(dst)
	dst = f.appendDebugMessage(dst, e)
	if bytes.ContainsAny(dst[start:], `"\`) { // of a registered drop reason
		dst = inert.AppendJSON(dst[:start], string(dst[start:]))
	}
	return append(dst, '"')
}
