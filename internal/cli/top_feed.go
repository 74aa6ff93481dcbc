// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/top"
)

// topFeed counts events for monitor top, on a goroutine of its own.
type topFeed struct {
	filterFlags *format.FilterFlags // that filter is of
	filter      *format.Filter
	model       *top.Model
	stream      *stream // nil: an agent's
	notice      topNotice
	silent      topNotice // why there are no drops, or not all

	event      *format.Event
	interfaces watchedInterfaces
	names      agentNames

	done     chan struct{} // closed when the goroutine has ended
	err      error         // why, from then on
	panicked any           // and with which stack
}

// topNotice is what there is to say about where events come from. Safe for concurrent use.
type topNotice struct {
	mu   sync.Mutex
	text string // guarded by mu
}

// Write implements io.Writer: a line is the notice.
func (n *topNotice) Write(line []byte) (int, error) {
	n.set(strings.TrimSpace(string(line)))
	return len(line), nil
}

func (n *topNotice) set(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.text = text
}

func (n *topNotice) get() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text
}

// start reads events until ctx is cancelled, or there are no more.
func (f *topFeed) start(ctx context.Context, socket string) {
	f.done = make(chan struct{})
	go func() {
		defer close(f.done)
		defer func() {
			if r := recover(); r != nil { // which would leave the terminal as it is
				f.panicked = fmt.Sprintf("%v\n\n%s", r, debug.Stack())
			}
		}()
		f.err = f.read(ctx, socket)
	}()
}

// wait waits for the end of the goroutine, and returns why it ended.
func (f *topFeed) wait() error {
	<-f.done
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.err
}

func (f *topFeed) read(ctx context.Context, socket string) error {
	f.event = format.NewEvent(nil)
	defer func() { f.interfaces.close() }()
	defer f.names.end()
	events := f.ofAgent(ctx, socket)
	if f.stream != nil {
		events = f.ofStream()
	}
	for pl, err := range events {
		switch {
		case err == io.EOF, err != nil && ctx.Err() != nil:
			return nil
		case err != nil:
			return explainConnection(err)
		}
		f.event.Decode(pl)
		if f.event.TellsDenyRules() || !f.filter.Match(f.event) {
			continue
		}
		at := time.Now()
		if f.stream != nil {
			at = f.stream.time()
		}
		f.model.Add(f.event, pl, at)
	}
	return nil
}

// useInterfaces takes the names of network interfaces from now on.
func (f *topFeed) useInterfaces(names *format.InterfaceNames) {
	f.event.SetInterfaces(names)
	f.model.SetInterfaces(names)
}

// learn takes the names that an agent tells, and its deny rules as one of the API 1.2 tells them.
func (f *topFeed) learn(d *session.Dictionary) {
	f.names.use(&d.Names, &f.notice)
	f.filter = f.filterFlags.Renamed()
	notice, err := api.DenyRulesNotice(d.DenyRules).ToJSON()
	if err == nil { // or the rules have no names
		f.event.Decode(&payload.Payload{Type: payload.EventSample, Data: notice.Append(nil)})
	}
}

func (f *topFeed) ofStream() iter.Seq2[*payload.Payload, error] {
	f.stream.onNames = func(names *format.InterfaceNames, other bool) {
		f.useInterfaces(names)
		if other {
			f.event.ForgetDenyRules()
		}
		f.filter = f.filterFlags.Renamed()
	}
	f.useInterfaces(f.stream.interfaces())
	return f.stream.payloads()
}

// ofAgent yields what the filter may let through of the agent's events.
func (f *topFeed) ofAgent(ctx context.Context, socket string) iter.Seq2[*payload.Payload, error] {
	request := f.filter.Request()
	request.Client = "monitor top"
	hooks := client.Hooks{
		OnDial: func(conn syscall.Conn) {
			f.useInterfaces(f.interfaces.of(conn, socket))
			f.event.ForgetDenyRules()
		},
		OnWait: func(error) {
			f.notice.set("No agent serves the socket yet: waiting for one")
			f.silent.set("No agent runs here: monitor agent --kernel-drops tells what is dropped.")
		},
		OnConnect: func() { f.notice.set("") },
		OnGreeting: func(g *session.Greeting) {
			f.silent.set("")
			if tells, err := hasKernelDrops(socket); err == nil && !tells {
				f.silent.set("The agent tells what its datapath drops only (no --kernel-drops): nothing yet.")
			}
			if g != nil {
				f.interfaces.orOf(&g.Dictionary, f.event)
				f.model.SetInterfaces(f.interfaces.names)
				f.learn(&g.Dictionary)
			}
			f.interfaces.report(&f.notice, f.filter, "of the agent")
		},
		OnDictionary: f.learn,
		OnDisconnect: func(err error) {
			f.notice.set("Lost the agent: waiting for it")
			if errors.Is(err, client.ErrRefused) {
				f.notice.set("The agent has as many clients as it takes: trying again")
			}
		},
	}
	return func(yield func(*payload.Payload, error) bool) {
		for e, err := range client.FollowRequest(ctx, socket, &request, hooks) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&e.Payload, nil) {
				return
			}
		}
	}
}
