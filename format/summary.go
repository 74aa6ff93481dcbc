// SPDX-License-Identifier: Apache-2.0

package format

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/internal/inert"
)

// Summary counts events: how many of each type, and of each reason, verdict or other
// kind of a type. The zero value is ready for use. Not safe for concurrent use.
type Summary struct {
	// Elapsed is the time in which the events came, to tell how many a second. 0: it is not known.
	Elapsed time.Duration

	types       [256]uint64 // by message type, without what could not be decoded
	undecodable uint64
	unmatched   uint64 // events that a filter did not let through

	// Events that the datapath and this reader lost.
	lostByDatapath, lostByReader uint64

	// Events that the datapath, and whoever tells what the kernel drops, did not make.
	rateLimited, kernelLimited uint64

	kinds map[summaryKind]uint64
}

// summaryKind is a kind of events of one type. What a and b are depends on the type.
type summaryKind struct {
	typ, a, b uint8
	text      string // of types that have no numbers for it
}

// Count counts e.
func (s *Summary) Count(e *Event) {
	limited, rateLimited := e.RateLimited()
	switch {
	case e.Err() != nil:
		s.undecodable++
		return
	case rateLimited && limited == api.MessageTypeName(api.MessageTypeKernelDrop):
		s.kernelLimited += e.payload.Lost
		return
	case rateLimited:
		s.rateLimited += e.payload.Lost
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

// CountUnmatched counts an event that is not to be counted otherwise, since a filter did not let it
// through.
func (s *Summary) CountUnmatched() { s.unmatched++ }

// AddUnmatched adds events that did not even come, since they were not asked for.
func (s *Summary) AddUnmatched(events uint64) { s.unmatched += events }

// Matched returns how many events were counted, and how many of them with Count. Losses
// are no events.
func (s *Summary) Matched() (matched, total uint64) {
	matched = s.undecodable
	for _, n := range s.types {
		matched += n
	}
	return matched, matched + s.unmatched
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
	counts, rates := make([]string, len(lines)), make([]string, len(lines))
	var countWidth, rateWidth int
	for i, l := range lines {
		counts[i] = strconv.FormatUint(l.count, 10)
		countWidth = max(countWidth, len(counts[i]))
		if s.Elapsed > 0 {
			rates[i] = rateText(l.count, s.Elapsed)
			rateWidth = max(rateWidth, len(rates[i]))
		}
	}
	for i, l := range lines {
		dst = append(appendRight(dst, counts[i], countWidth), "  "...)
		if s.Elapsed > 0 {
			dst = append(appendRight(dst, rates[i], rateWidth), "  "...)
		}
		if l.kind {
			dst = append(dst, "  "...)
		}
		dst = append(inert.Append(dst, l.name), '\n')
	}
	return dst
}

func appendRight(dst []byte, text string, width int) []byte {
	for range width - len(text) {
		dst = append(dst, ' ')
	}
	return append(dst, text...)
}

// rateText returns a rate with two digits at least.
func rateText(n uint64, elapsed time.Duration) string {
	rate := float64(n) / elapsed.Seconds()
	digits := 0
	switch {
	case n == 0:
	case rate < 0.005:
		return "<0.01/s"
	case rate < 1:
		digits = 2
	case rate < 10:
		digits = 1
	}
	return strconv.FormatFloat(rate, 'f', digits, 64) + "/s"
}

// byType returns the types that were counted, the most frequent first, and their kinds that have names.
func (s *Summary) byType() (types []uint8, kinds map[uint8][]summaryLine) {
	kinds = make(map[uint8][]summaryLine)
	for k, n := range s.kinds {
		kinds[k.typ] = append(kinds[k.typ], summaryLine{k.name(), n, true})
	}
	order := func(a, b summaryLine) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.name, b.name)) }
	for typ := range kinds {
		slices.SortFunc(kinds[typ], order)
		kinds[typ] = slices.DeleteFunc(kinds[typ], func(l summaryLine) bool { return l.name == "" })
	}
	types = slices.SortedFunc(maps.Keys(kinds), func(a, b uint8) int {
		return cmp.Or(cmp.Compare(s.types[b], s.types[a]), cmp.Compare(a, b))
	})
	return types, kinds
}

func (s *Summary) lines() []summaryLine {
	types, kinds := s.byType()
	var lines []summaryLine
	for _, typ := range types {
		lines = append(lines, summaryLine{name: api.MessageTypeName(int(typ)), count: s.types[typ]})
		lines = append(lines, kinds[typ]...)
	}
	if s.undecodable > 0 {
		lines = append(lines, summaryLine{name: "cannot be decoded", count: s.undecodable})
	}
	matched, _ := s.Matched()
	name := "events in total"
	if s.unmatched > 0 {
		name = "events that matched"
	}
	lines = append(lines, summaryLine{name: name, count: matched})
	if s.lostByDatapath > 0 {
		lines = append(lines, summaryLine{name: "lost: the agent read the datapath's ring too slowly", count: s.lostByDatapath})
	}
	if s.rateLimited > 0 {
		lines = append(lines, summaryLine{name: "suppressed: more than the datapath's rate limit allows", count: s.rateLimited})
	}
	if s.kernelLimited > 0 {
		lines = append(lines, summaryLine{name: "suppressed kernel drops: " + kernelLimitText, count: s.kernelLimited})
	}
	if s.lostByReader > 0 {
		lines = append(lines, summaryLine{name: "lost: this client read too slowly", count: s.lostByReader})
	}
	return lines
}
