// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"time"

	"github.com/cilium/hive/script"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

const flagCount = "count"

// probeInterval is how often a watch of a quiet node looks whether the other end of the
// shell is still there.
const probeInterval = time.Second

// flushAfter is how many events are written at once while they keep coming.
const flushAfter = 256

func watch(a *agent.Agent) script.Cmd {
	return script.Command(
		script.CmdUsage{
			Summary: "Print events as they happen, until it is interrupted",
			Flags: func(fs *pflag.FlagSet) {
				format.NewFilterFlags(fs)
				format.NewPrintFlags(fs)
				fs.Int(flagCount, 0, "stop after printing `N` events")
			},
			Detail: []string{
				"The flags are those of 'monitor watch'. In the shell Ctrl-C interrupts it.",
				"A shell that reads too slowly loses events, and is told how many.",
			},
		},
		func(s *script.State, args ...string) (script.WaitFunc, error) {
			if len(args) > 0 {
				return nil, script.ErrUsage
			}
			filter, err := format.FilterFlagsOf(s.Flags).Filter()
			if err != nil {
				return nil, err
			}
			count, err := s.Flags.GetInt(flagCount)
			if err != nil {
				return nil, err
			}
			p := printer{
				state:     s,
				event:     format.NewEvent(nil),
				filter:    filter,
				formatter: format.New(format.PrintFlagsOf(s.Flags).Options(filter)),
				limit:     count,
			}
			l := newWatchListener()
			a.RegisterNewListener(l)
			defer a.RemoveListener(l)
			return nil, p.run(l)
		},
	)
}

// printer prints events to a script's log, which is where a shell's output goes.
type printer struct {
	state     *script.State
	event     *format.Event
	filter    *format.Filter
	formatter *format.Formatter
	limit     int // events to print; 0: no limit
	printed   int
	line      []byte
}

// run prints what the listener gets until that is closed, the limit is reached or nobody
// wants to read it any more, which is no error.
func (p *printer) run(l *watchListener) error {
	probe := time.NewTicker(probeInterval)
	defer probe.Stop()
	closed := l.closed // nil once it is known
	for {
		var pl *payload.Payload
		select {
		case pl = <-l.queue:
		case <-probe.C: // writing nothing tells, too, when the other end is gone
		case <-p.state.Context().Done():
			return nil
		case <-closed:
			closed = nil
		}
		more, left := p.printAll(pl, l)
		if p.state.FlushLog() != nil || !more || closed == nil && !left {
			return nil
		}
	}
}

// printAll prints an event, if it is one, and as many as are written at once. It returns
// whether more are wanted, and whether the listener may have some left.
func (p *printer) printAll(pl *payload.Payload, l *watchListener) (more, left bool) {
	for range flushAfter {
		if pl == nil {
			if pl = l.next(); pl == nil {
				return true, false
			}
		}
		if !p.print(pl) {
			return false, true
		}
		pl = nil
	}
	return true, true
}

// print prints an event and returns whether more are wanted.
func (p *printer) print(pl *payload.Payload) bool {
	p.event.Decode(pl)
	if !p.filter.Match(p.event) {
		return true
	}
	p.line = p.formatter.Append(p.line[:0], p.event)
	if len(p.line) == 0 {
		return true
	}
	p.state.LogWriter().Write(p.line) // to memory
	if p.event.Lost() == 0 {
		p.printed++
	}
	return p.limit == 0 || p.printed < p.limit
}
