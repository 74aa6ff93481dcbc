// SPDX-License-Identifier: Apache-2.0

package format

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/internal/inert"
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
	k := e.desc.kind(e)
	if e.err != nil { // of an own type, whose function failed
		s.undecodable++
		return
	}
	k.typ = uint8(e.sample.Type)
	s.types[k.typ]++
	if s.kinds == nil {
		s.kinds = make(map[summaryKind]uint64)
	}
	s.kinds[k]++
}

// name returns what the summary calls k, "" if it does not.
func (k summaryKind) name() string {
	if d := descriptors.Load()[k.typ]; d != nil {
		return d.kindName(k)
	}
	return k.text // the registration has ended
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
		dst = append(inert.Append(dst, l.name), '\n')
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
		for _, kind := range kinds[typ] {
			if kind.name != "" {
				lines = append(lines, kind)
			}
		}
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
