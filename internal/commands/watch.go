// SPDX-License-Identifier: Apache-2.0

package commands

import (
	"context"
	"time"

	"github.com/cilium/hive/script"
	"github.com/spf13/pflag"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/format"
)

const flagCount = "count"

// probeInterval is how often a watch of a quiet node looks whether the other end of the
// shell is still there.
const probeInterval = time.Second

// flushAfter is how many events are written at once while they keep coming.
const flushAfter = 256

func watch(a *agent.Agent, opening []api.AgentNotifyMessage) script.Cmd {
	return script.Command(
		script.CmdUsage{
			Summary: "Print events as they happen, until it is interrupted",
			Flags: func(fs *pflag.FlagSet) {
				format.NewFilterFlags(fs)
				format.NewPrintFlags(fs)
				fs.Int(flagCount, 0, "stop after printing `N` events")
			},
			Detail: []string{
				"It takes the filter and print flags below, which mean what they mean to 'monitor watch'. In the shell Ctrl-C interrupts it.",
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
			if interfaces, err := format.Interfaces(); err == nil {
				for _, name := range filter.MissingInterfaces(interfaces) {
					s.Logf("No network interface is called %q now\n", name)
				}
			}
			count, err := s.Flags.GetInt(flagCount)
			if err != nil {
				return nil, err
			}
			printing := format.PrintFlagsOf(s.Flags).Options(filter)
			if printing.Output == format.OutputCompact {
				printing.Clock = time.Now
			}
			p := printer{
				state:  s,
				event:  format.NewEvent(nil),
				filter: filter,
				joiner: format.NewJoiner(format.New(printing)),
				limit:  count,
			}
			if err := p.open(opening); err != nil {
				return nil, err
			}
			return nil, p.run(a)
		},
	)
}

// printer prints events to a script's log, which is where a shell's output goes.
type printer struct {
	state   *script.State
	event   *format.Event
	filter  *format.Filter
	joiner  *format.Joiner
	limit   int // events to print; 0: no limit
	printed int
	line    []byte
}

// open prints what clients get before any event, which has the deny rules.
func (p *printer) open(messages []api.AgentNotifyMessage) error {
	for _, message := range messages {
		notification, err := message.ToJSON()
		if err != nil {
			return err
		}
		p.print(&payload.Payload{Type: payload.EventSample, Data: notification.Append(nil)})
	}
	return nil
}

// run prints events until the agent stops, the limit is reached or nobody wants to read
// them any more, which is no error.
func (p *printer) run(a *agent.Agent) error {
	ctx, cancel := context.WithCancel(p.state.Context())
	events := stream(ctx, a)
	defer func() {
		cancel()
		for range events { // until its goroutine has ended
		}
	}()
	probe := time.NewTicker(probeInterval)
	defer probe.Stop()
	var late <-chan time.Time // when what is kept back has to be printed
	for {
		switch {
		case !p.joiner.Holds():
			late = nil
		case late == nil:
			late = time.After(format.JoinTimeout)
		}
		more, isLate := true, false
		select {
		case pl, open := <-events:
			more = open && p.print(pl) && p.printAll(events)
		case <-late:
			isLate = true
		case <-probe.C: // writing nothing tells, too, when the other end is gone
		}
		if isLate || !more {
			p.line = p.joiner.Flush(p.line[:0])
			more = p.write(true) && more
		}
		if p.state.FlushLog() != nil || !more {
			return nil
		}
	}
}

// stream subscribes, and returns a channel that is closed when the stream has ended.
func stream(ctx context.Context, a *agent.Agent) <-chan *payload.Payload {
	events := make(chan *payload.Payload, flushAfter)
	stream := a.Subscribe(ctx, "monitor/watch")
	go func() {
		defer close(events)
		for pl := range stream {
			select {
			case events <- pl:
			case <-ctx.Done():
			}
		}
	}()
	return events
}

// printAll prints the events that are there, as many as are written at once. It returns whether
// more are wanted.
func (p *printer) printAll(events <-chan *payload.Payload) (more bool) {
	for range flushAfter {
		select {
		case pl, open := <-events:
			if !open || !p.print(pl) {
				return false
			}
		default:
			return true
		}
	}
	return true
}

// print prints an event and returns whether more are wanted.
func (p *printer) print(pl *payload.Payload) bool {
	p.event.Decode(pl)
	if p.event.TellsDenyRules() || !p.filter.Match(p.event) {
		return true
	}
	p.line = p.joiner.Settle(p.line[:0], p.event)
	if !p.write(true) {
		return false
	}
	p.line, _ = p.joiner.Append(p.line[:0], p.event)
	return p.write(p.event.Lost() == 0)
}

// write writes the line, if there is one, which may count as an event that was printed, and returns whether more are
// wanted.
func (p *printer) write(counts bool) bool {
	if len(p.line) > 0 && counts {
		p.printed++
	}
	p.state.LogWriter().Write(p.line) // to memory
	return p.limit == 0 || p.printed < p.limit
}
