// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/hex"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/internal/inert"
)

// appendCompact appends e, or nothing if the level hides it.
func (f *Formatter) appendCompact(dst []byte, e *Event) []byte {
	switch {
	case e.Err() != nil:
		return f.appendUndecodable(dst, e)
	case e.payload.Type == payload.RecordLost:
		return f.fold(f.appendLost(dst, e), len(dst))
	case f.opts.Level < e.desc.level:
		return dst
	}
	start := dst
	layers := f.opts.Level >= LevelVerbose && e.desc.packet != nil && len(e.sample.Packet) > 0
	if layers {
		dst = append(dst, separator...)
	}
	begin := len(dst)
	dst = append(f.appendLine(dst, e), '\n')
	switch {
	case e.err != nil: // of an own type, whose function failed
		return f.appendUndecodable(start, e)
	case f.opts.Level >= LevelVerbose:
		if meaning := e.Meaning(); meaning != "" {
			dst = append(append(append(dst, "Why\t"...), meaning...), '\n')
		}
	}
	switch {
	case !layers:
		return f.fold(dst, begin)
	case !f.opts.Hex && e.dissection().any():
		return f.fold(e.dissection().appendLayers(dst), begin)
	default:
		return append(f.fold(dst, begin), hex.Dump(e.sample.Packet)...)
	}
}

// appendLine appends the line of e, in as few rows of the terminal as it can have.
func (f *Formatter) appendLine(dst []byte, e *Event) []byte {
	begin := len(dst)
	dst = f.appendTime(dst)
	width := 0
	if f.opts.Width != nil && !f.all() {
		width = f.opts.Width()
	}
	line := e.desc.line(f, dst, e)
	if width <= 0 || columns(line[begin:]) <= width {
		return line
	}
	defer func() { e.brevity = withEverything }()
	e.brevity = shortest
	rows := (columns(e.desc.line(f, line[:len(dst)], e)[begin:]) + width - 1) / width
	for e.brevity = withEverything; e.brevity < shortest; e.brevity++ {
		line = e.desc.line(f, line[:len(dst)], e)
		if columns(line[begin:]) <= rows*width {
			break
		}
	}
	line = e.desc.line(f, line[:len(dst)], e)
	if e.brevity > withEverything {
		f.brief.Store(true)
	}
	return line
}

// What happened, as the word that a line has behind the time. The words of policy verdicts are those of
// --verdict.
const (
	wordDrop    = "DROP"
	wordIn      = "in"  // a packet came
	wordOut     = "out" // it left by a network device
	wordForward = "fwd" // it was handed on inside of the host
	wordSeen    = "seen"
	wordCapture = "cap"
	wordSocket  = "sock"
	wordL7      = "l7"
	wordDebug   = "dbg"
	wordAgent   = "agent"
	wordLost    = "Lost"
	wordError   = "ERR"

	wordSuppressed = "Suppressed"
)

// wordWidth is how wide the words are that are most frequent: what follows is in one column.
const wordWidth = 4

// appendWord appends what happened, and a space.
func (f *Formatter) appendWord(dst []byte, c color, word string) []byte {
	dst = append(f.begin(dst, c), word...)
	dst = f.end(dst, c)
	for range wordWidth - len(word) {
		dst = append(dst, ' ')
	}
	return append(dst, ' ')
}

// appendLost appends what was lost, and where.
func (f *Formatter) appendLost(dst []byte, e *Event) []byte {
	dst = f.begin(f.appendTime(dst), colorWarn)
	if typ, ok := e.RateLimited(); ok {
		dst = appendUint(append(dst, wordSuppressed...), " ", e.payload.Lost)
		dst = inert.Append(append(dst, ' '), typ)
		dst = append(dst, " events: "...)
		dst = append(dst, rateLimitText(typ)...)
		return append(f.end(dst, colorWarn), '\n')
	}
	dst = appendUint(append(dst, wordLost...), " ", e.payload.Lost)
	if e.payload.CPU == payload.CPULostByReader {
		dst = append(dst, " events: this client reads too slowly (others may have them)"...)
	} else {
		dst = append(dst, " events of CPU "...)
		dst = appendUint(dst, "", uint64(e.payload.CPU))
		dst = append(dst, ": the agent read its ring too slowly"...)
	}
	return append(f.end(dst, colorWarn), '\n')
}

// appendUndecodable appends what is wrong with a sample, on LevelVerbose the sample, too.
func (f *Formatter) appendUndecodable(dst []byte, e *Event) []byte {
	begin := len(dst)
	dst = f.appendWord(f.appendTime(dst), colorWarn, wordError)
	dst = f.begin(dst, colorWarn)
	dst = inert.Append(append(dst, "cannot "...), e.err.Error())
	dst = f.appendCPUDetail(details{dst: dst}, e).dst
	dst = f.fold(append(f.end(dst, colorWarn), '\n'), begin)
	if f.opts.Level >= LevelVerbose {
		dst = append(dst, hex.Dump(inert.RedactBytes(e.payload.Data))...)
	}
	return dst
}
