// SPDX-License-Identifier: Apache-2.0

package format

import (
	"encoding/hex"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/internal/inert"
)

// Level says how much is printed of an event.
type Level int

const (
	// LevelDefault prints a line for each event but debug and trace-sock, which it
	// hides, as it does what is registered with a higher level.
	LevelDefault Level = iota

	// LevelDebug (-v) prints those, too.
	LevelDebug

	// LevelVerbose (-vv) prints several lines for drop, trace and capture, and for registered
	// types with a packet: one with all fields and one for each layer of the packet.
	LevelVerbose
)

// Options says how a Formatter prints. The zero value is one line for each event.
type Options struct {
	// Output is the shape of what is printed.
	Output Output

	// Level is ignored for OutputJSON, which always has all events and all fields.
	Level Level

	// Hex prints as on LevelVerbose, but dumps the packet in hex instead of dissecting
	// it. For OutputCilium it does so on LevelVerbose only, and does nothing below. Ignored for OutputJSON.
	Hex bool

	// Numeric prints reserved identities as numbers, too, instead of by name.
	Numeric bool

	// Color makes drops, denials and losses stand out on a terminal. For OutputCompact only.
	Color bool

	// Clock, if not nil, is asked for the time of each event, which is then printed
	// first; time.Now fits events that are printed as they come. In JSON it is the
	// member "time".
	Clock func() time.Time
}

// Formatter prints events. Safe for concurrent use if the clock is.
type Formatter struct {
	opts Options
}

// New returns a formatter.
func New(opts Options) *Formatter {
	if opts.Hex && opts.Output == OutputCompact {
		opts.Level = LevelVerbose
	}
	return &Formatter{opts: opts}
}

// Append appends what there is to print of e to dst: complete lines, or nothing for an
// event that the level hides.
func (f *Formatter) Append(dst []byte, e *Event) []byte {
	switch f.opts.Output {
	case OutputCompact:
		return f.appendCompact(dst, e)
	case OutputCilium:
		return f.appendCilium(dst, e)
	default:
		return f.appendJSON(dst, e)
	}
}

func (f *Formatter) appendCompact(dst []byte, e *Event) []byte {
	if e.Err() != nil {
		return f.appendUndecodable(f.appendTime(dst), e)
	}
	if e.payload.Type == payload.RecordLost {
		return f.appendLost(f.appendTime(dst), e)
	}
	if f.opts.Level < e.desc.level {
		return dst
	}
	start := dst
	if f.opts.Level >= LevelVerbose && e.desc.fields != nil && (e.sample.Packet != nil || !e.desc.sometimesPacket) {
		dst = f.appendVerbose(f.appendTime(append(dst, separator...)), e)
	} else {
		dst = append(e.desc.line(f, f.appendTime(dst), e), '\n')
	}
	if e.err != nil { // of an own type, whose function failed
		return f.appendUndecodable(f.appendTime(start), e)
	}
	return dst
}

// timeLayout is RFC 3339 with a width that does not change, so that lines align.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

func (f *Formatter) appendTime(dst []byte) []byte {
	if f.opts.Clock == nil {
		return dst
	}
	return append(f.opts.Clock().AppendFormat(dst, timeLayout), ' ')
}

func (f *Formatter) appendLost(dst []byte, e *Event) []byte {
	dst = f.begin(dst, colorWarn)
	dst = appendLost(dst, e)
	return append(f.end(dst, colorWarn), '\n')
}

// appendLost appends what was lost, and where.
func appendLost(dst []byte, e *Event) []byte {
	if e.payload.CPU != payload.CPULostByReader {
		dst = append(appendCPU(dst, e.payload.CPU), ' ')
	}
	dst = appendUint(dst, "Lost ", e.payload.Lost)
	dst = append(dst, " events"...)
	if e.payload.CPU == payload.CPULostByReader {
		dst = append(dst, ": this client reads slower than events come, so the agent dropped them for it (other clients may have them)"...)
	}
	return dst
}

// appendUndecodable appends what is wrong with a sample, on LevelVerbose the sample, too.
func (f *Formatter) appendUndecodable(dst []byte, e *Event) []byte {
	dst = f.begin(dst, colorWarn)
	dst = appendCPU(dst, e.payload.CPU)
	dst = inert.Append(append(dst, " cannot "...), e.err.Error())
	dst = append(f.end(dst, colorWarn), '\n')
	if f.opts.Level >= LevelVerbose {
		dst = append(dst, hex.Dump(inert.RedactBytes(e.payload.Data))...)
	}
	return dst
}

func (f *Formatter) appendIdentity(dst []byte, id api.NumericIdentity) []byte {
	if !f.opts.Numeric {
		if name, ok := id.Name(); ok {
			return append(dst, name...)
		}
	}
	return appendUint(dst, "", uint64(id))
}

// color is the escape sequence of a color of a terminal.
type color string

const (
	colorNone color = ""
	colorDrop color = "\x1b[1;31m" // drops and denials: bold red
	colorWarn color = "\x1b[33m"   // losses and what is not as it should be: yellow
)

// begin switches from colorNone to another color.
func (f *Formatter) begin(dst []byte, c color) []byte {
	if f.opts.Color {
		dst = append(dst, c...)
	}
	return dst
}

// end switches back from c.
func (f *Formatter) end(dst []byte, c color) []byte {
	if f.opts.Color && c != colorNone {
		dst = append(dst, "\x1b[0m"...)
	}
	return dst
}
