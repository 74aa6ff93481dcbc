// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"syscall"
	"time"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
	"github.com/cilium/monitor/internal/inert"
)

// clientName is what agents are told that asks them.
const clientName = "monitor watch"

// follow prints the events of the agent that serves the socket at path until ctx is
// cancelled, the limit is reached or something can't be written. That somebody does not
// want to read any more is no error.
func (w *watcher) follow(ctx context.Context, path string) error {
	defer func() { w.interfaces.close() }()
	var absent error // what there is instead of an agent
	wait := func(err error) {
		absent = err
		fmt.Fprintf(w.messages, "No agent serves %s yet: waiting, Ctrl-C stops\n(another socket: --%s; without an agent: monitor drops)\n",
			inert.String(path), flagSocket)
	}
	err := w.watch(ctx, w.followAgent(ctx, path, client.Hooks{
		OnDial: func(conn syscall.Conn) {
			w.source = conn
			w.event.SetInterfaces(w.interfaces.of(conn, path))
			w.event.ForgetDenyRules()
		},
		OnWait:       wait,
		OnDisconnect: w.reportDisconnected,
		OnIdle:       w.idle,
	}))
	if err == nil && w.source == nil && absent == nil && w.writeErr == nil { // it was stopped before it had looked for one
		if dialErr := tryDial(path); errors.Is(dialErr, client.ErrNotRunning) {
			wait(dialErr)
		}
	}
	if err == nil && !w.connected && w.writeErr == nil {
		err = absent
	}
	return explainConnection(err)
}

// tryDial tells whether an agent serves the socket at path.
func tryDial(path string) error {
	c, err := client.Dial(context.Background(), path)
	if err != nil {
		return err
	}
	return c.Close()
}

// followAgent asks an agent for no more than is printed and recorded, and yields what that sends: it can be more. One that
// serves the API 1.2 only sends everything that happens from now on.
func (w *watcher) followAgent(ctx context.Context, path string, hooks client.Hooks) iter.Seq2[*payload.Payload, error] {
	request := w.request(false)
	w.past.addTo(&request)
	asked := request      // of the connection that there is
	withVerdicts := false // they are asked for, though they are not printed
	held := &heldEvents{event: format.NewEvent(nil)}
	hooks.Refine = func(g *session.Greeting, r *session.Request) bool {
		w.useNames(&g.Dictionary)
		before := *r
		wanted := w.request(len(g.Dictionary.DenyRules) > 0)
		r.Types, r.DropReasons, r.Packets = wanted.Types, wanted.DropReasons, wanted.Packets
		withVerdicts = !slices.Equal(wanted.Types, w.request(false).Types)
		if withVerdicts && r.From.Last > 0 {
			r.From.Last = math.MaxInt64 // of which the last ones are held
		}
		asked = *r
		return !sameRequest(&before, r)
	}
	hooks.OnGreeting = func(g *session.Greeting) {
		held.hold(0)
		w.skipped, w.rules = 0, nil
		if g == nil {
			w.reportConnected(path)
			w.reportHistory(g)
			if w.past.until.given() { // this agent does not say when it is over
				time.AfterFunc(time.Until(w.past.until.at), w.stop)
			}
			return
		}
		w.asked = asked.Types != nil || asked.DropReasons != nil || asked.Packets != nil
		w.interfaces.orOf(&g.Dictionary, w.event)
		w.reportConnected(path)
		w.learnRules(g.Dictionary.DenyRules)
		w.reportHistory(g)
		if g.History != nil && asked.From.Last > 0 && (withVerdicts || !g.Applies.From) {
			held.hold(w.past.last)
		}
	}
	hooks.OnDictionary = func(d *session.Dictionary) {
		w.useNames(d)
		w.learnRules(d.DenyRules)
	}
	hooks.OnSkipped = func(events uint64) {
		w.summary.AddUnmatched(events - w.skipped)
		w.skipped = events
	}
	// On the goroutine that ranges over the events, between two of them.
	printHeld := func() {
		events, others := held.take()
		w.summary.AddUnmatched(others)
		for _, e := range events {
			w.sentAt = e.Time
			if !w.add(&e.Payload) {
				w.stop()
				return
			}
		}
	}
	hooks.OnLive = printHeld
	disconnected := hooks.OnDisconnect
	hooks.OnDisconnect = func(err error) {
		printHeld() // the next agent is asked for what comes behind them
		disconnected(err)
	}
	return func(yield func(*payload.Payload, error) bool) {
		for e, err := range client.FollowRequest(ctx, path, &request, hooks) {
			switch {
			case err != nil:
				printHeld()
				if !errors.Is(err, client.ErrEnd) {
					yield(nil, err)
				}
				return
			case held.most > 0:
				held.add(e, w.filter)
				continue
			}
			w.sentAt = e.Time
			if !yield(&e.Payload, nil) {
				return
			}
		}
	}
}

// request returns what to ask an agent for: all events if all are recorded. With an agent that has deny rules the verdicts go with
// the drops, since these have the number of the rule.
func (w *watcher) request(denyRules bool) session.Request {
	r := session.Request{Client: clientName}
	if w.recording != nil {
		return r
	}
	r = w.filter.Request()
	r.Client = clientName
	if at, found := slices.BinarySearch(r.Types, api.MessageTypePolicyVerdict); denyRules && !found && slices.Contains(r.Types, api.MessageTypeDrop) {
		r.Types = slices.Insert(r.Types, at, api.MessageTypePolicyVerdict)
	}
	return r
}

// sameRequest reports whether two requests are the same on the wire.
func sameRequest(a, b *session.Request) bool {
	before, err := json.Marshal(a)
	after, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && string(before) == string(after)
}

// useNames takes the names of an agent for those of this program.
func (w *watcher) useNames(d *session.Dictionary) {
	w.names.use(&d.Names, w.messages)
	w.filter = w.filterFlags.Renamed()
}

// learnRules takes the deny rules of an agent as one of the API 1.2 tells them, which is how they are recorded, too.
func (w *watcher) learnRules(rules []string) {
	if slices.Equal(rules, w.rules) {
		return
	}
	w.rules = slices.Clone(rules)
	if len(rules) == 0 {
		w.event.ForgetDenyRules()
		return
	}
	notify, err := api.DenyRulesNotice(rules).ToJSON()
	if err != nil {
		return // the rules have no names then
	}
	w.sentAt = time.Time{}
	w.add(&payload.Payload{Type: payload.EventSample, Data: notify.Append(nil)})
}

// reportHistory says if the agent does not have what was asked for, and takes the time that it has it since.
func (w *watcher) reportHistory(g *session.Greeting) {
	switch {
	case !w.past.given():
	case w.own:
		fmt.Fprintln(w.messages, "No agent runs that kept what the kernel dropped before (monitor agent --kernel-drops): this begins now")
	case g == nil:
		fmt.Fprintln(w.messages, "This agent does not tell what happened before: it only serves the monitor API 1.2")
	case g.History == nil:
		fmt.Fprintln(w.messages, "This agent keeps nothing of what happened before (its --history)")
	case w.past.since.given():
		since := w.past.since.at
		if oldest := time.Unix(0, g.History.Oldest); oldest.After(since) {
			since = oldest // it has forgotten what was before, or did not run
		}
		if since.Before(w.began) {
			w.began = since
		}
	}
}

// askNames takes the names of the agent at path, if there is one that tells them. They are used until names.end is called.
func askNames(ctx context.Context, path string, names *agentNames, messages io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	c, err := client.DialRequest(ctx, path, &session.Request{Client: clientName, Types: []int{api.MessageTypeUnspec}})
	if err != nil {
		return // whoever follows says why
	}
	defer c.Close()
	if g := c.Greeting(); g != nil {
		names.use(&g.Dictionary.Names, messages)
	}
}

// askTimeout is how long an agent may take to tell its names.
const askTimeout = 2 * time.Second
