// SPDX-License-Identifier: Apache-2.0

package format

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// Summary counts events: how many of each type, and of each reason, verdict or other
// kind of a type. The zero value is ready for use. Not safe for concurrent use.
type Summary struct {
	types       [256]uint64 // by message type, without what could not be decoded
	undecodable uint64

	// Events that the datapath and this reader lost.
	lostByDatapath, lostByReader uint64

	kinds map[summaryKind]uint64
}

// summaryKind is a kind of events of one type. What a and b are depends on the type.
type summaryKind struct {
	typ, a, b uint8
	text      string // of types that have no numbers for it
}

// Count counts e.
func (s *Summary) Count(e *Event) {
	switch {
	case e.Err() != nil:
		s.undecodable++
		return
	case e.payload.Type == payload.RecordLost && e.payload.CPU == payload.CPULostByReader:
		s.lostByReader += e.payload.Lost
		return
	case e.payload.Type == payload.RecordLost:
		s.lostByDatapath += e.payload.Lost
		return
	}
	k := summaryKind{typ: uint8(e.sample.Type)}
	switch e.sample.Type {
	case api.MessageTypeDrop:
		k.a = e.sample.Drop.SubType
	case api.MessageTypeTrace:
		k.a, k.b = e.sample.Trace.ObsPoint, e.sample.Trace.TraceReason()
	case api.MessageTypePolicyVerdict:
		k.a, k.text = e.sample.PolicyVerdict.Direction(), e.sample.PolicyVerdict.Action()
	case api.MessageTypeCapture:
		k.a = e.sample.Capture.SubType
	case api.MessageTypeDebug:
		k.a = e.sample.Debug.SubType
	case api.MessageTypeTraceSock:
		k.a = e.sample.TraceSock.XlatePoint
	case api.MessageTypeAccessLog:
		k.text = string(e.record.Type) + " " + l7Protocol(&e.record) + " " + string(e.record.Verdict)
	case api.MessageTypeAgent:
		k.text = e.sample.Agent.Type.String()
	}
	s.types[k.typ]++
	if s.kinds == nil {
		s.kinds = make(map[summaryKind]uint64)
	}
	s.kinds[k]++
}

// name returns what the summary calls k.
func (k summaryKind) name() string {
	switch k.typ {
	case api.MessageTypeDrop:
		return api.DropReason(k.a) + " (" + strconv.Itoa(int(k.a)) + ")"
	case api.MessageTypeTrace:
		return api.ObservationPointName(k.a) + " " + api.TraceReasonName(k.b)
	case api.MessageTypePolicyVerdict:
		return api.PolicyDirectionName(k.a) + " " + k.text
	case api.MessageTypeCapture:
		return api.CaptureName(k.a)
	case api.MessageTypeDebug:
		return api.DebugName(k.a)
	case api.MessageTypeTraceSock:
		return api.XlatePointName(k.a)
	default:
		return k.text
	}
}

// summaryLine is a line of the printed summary.
type summaryLine struct {
	name  string
	count uint64
	kind  bool // one of the kinds of the type above
}

// Append appends a table of what was counted to dst: the types that were seen, most
// frequent first, under each its kinds, then losses.
func (s *Summary) Append(dst []byte) []byte {
	lines := s.lines()
	width := 0
	for _, l := range lines {
		width = max(width, len(strconv.FormatUint(l.count, 10)))
	}
	for _, l := range lines {
		digits := strconv.FormatUint(l.count, 10)
		for range width - len(digits) {
			dst = append(dst, ' ')
		}
		dst = append(dst, digits...)
		dst = append(dst, "  "...)
		if l.kind {
			dst = append(dst, "  "...)
		}
		dst = append(appendText(dst, l.name), '\n')
	}
	return dst
}

func (s *Summary) lines() []summaryLine {
	kinds := make(map[uint8][]summaryLine)
	for k, n := range s.kinds {
		kinds[k.typ] = append(kinds[k.typ], summaryLine{k.name(), n, true})
	}
	order := func(a, b summaryLine) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.name, b.name)) }
	types := slices.SortedFunc(maps.Keys(kinds), func(a, b uint8) int {
		return cmp.Or(cmp.Compare(s.types[b], s.types[a]), cmp.Compare(a, b))
	})

	var lines []summaryLine
	var total uint64
	for _, typ := range types {
		lines = append(lines, summaryLine{name: api.MessageTypeName(int(typ)), count: s.types[typ]})
		slices.SortFunc(kinds[typ], order)
		lines = append(lines, kinds[typ]...)
		total += s.types[typ]
	}
	total += s.undecodable
	if s.undecodable > 0 {
		lines = append(lines, summaryLine{name: "cannot be decoded", count: s.undecodable})
	}
	lines = append(lines, summaryLine{name: "events in total", count: total})
	if s.lostByDatapath > 0 {
		lines = append(lines, summaryLine{name: "lost: the agent read the datapath's ring too slowly", count: s.lostByDatapath})
	}
	if s.lostByReader > 0 {
		lines = append(lines, summaryLine{name: "lost: this client read too slowly", count: s.lostByReader})
	}
	return lines
}
