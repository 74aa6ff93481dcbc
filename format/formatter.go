// SPDX-License-Identifier: Apache-2.0

package format

import (
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/api"
)

// Level says how much is printed of an event.
type Level int

const (
	// LevelDefault prints a line for each event but debug and trace-sock, which it
	// hides, as it does what is registered with a higher level.
	LevelDefault Level = iota

	// LevelDebug (-v) prints those, too, and of all events what is for those who look for a fault in
	// the datapath: CPU, flow hash, lengths, source file.
	LevelDebug

	// LevelVerbose (-vv) prints below the line of an event with a packet one for each layer of it.
	LevelVerbose
)

// Options says how a Formatter prints. The zero value is one line for each event, without times.
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

	// Width, if not nil, is asked for how many columns a terminal has, 0 if that does not matter. A line of
	// OutputCompact on LevelDefault leaves out details for it, those that are least missed first, if it then takes
	// fewer rows. It does not leave out who talks to whom and why a packet was dropped. On other levels lines are folded
	// between words.
	Width func() int

	// Color makes drops, denials and losses stand out on a terminal. For OutputCompact only.
	Color bool

	// Clock, if not nil, is asked for the time of each event, which is then printed
	// first; time.Now fits events that are printed as they come. In JSON it is the
	// member "time", in RFC 3339.
	Clock func() time.Time

	// Timestamps is how the time of Clock is printed. For OutputJSON it only matters whether it is
	// TimestampsNone.
	Timestamps Timestamps
}

// Formatter prints events. Safe for concurrent use if the clock is.
type Formatter struct {
	opts  Options
	brief atomic.Bool               // a line left out something for the width
	first atomic.Pointer[time.Time] // of the first line, with TimestampsRelative
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

// IsBrief reports whether a line was shortened for the width of the terminal.
func (f *Formatter) IsBrief() bool { return f.brief.Load() }

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
