// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
)

// followPast yields what the flags ask for of the agent's history, and what happens then.
func (w *watcher) followPast(ctx context.Context, path string, past *past, hooks client.Hooks) iter.Seq2[*payload.Payload, error] {
	request := &session.Request{}
	if w.recording == nil { // which keeps all
		*request = w.filter.Request()
	}
	request.Client = "monitor watch"
	past.addTo(request)
	held := &heldEvents{event: format.NewEvent(nil)}
	hooks.OnGreeting = func(g *session.Greeting) {
		w.reportHistory(g)
		if g == nil && past.until.given() { // this agent does not say when it is over
			time.AfterFunc(time.Until(past.until.at), w.stop)
		}
		held.most = 0
		if g != nil && g.History != nil && !g.Applies.From {
			held.most = past.last
		}
	}
	// On the goroutine that ranges over the events, between two of them.
	printHeld := func() {
		for _, e := range held.take() {
			w.sentAt = e.Time
			if !w.add(&e.Payload) {
				w.stop()
				return
			}
		}
	}
	hooks.OnLive = printHeld
	return func(yield func(*payload.Payload, error) bool) {
		for e, err := range client.FollowRequest(ctx, path, request, hooks) {
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

// heldEvents are the last events of the history that match. An agent that does not look at packets sends all
// events of the types, of which those are found here.
type heldEvents struct {
	most   int // 0: none are held
	events []client.Event
	oldest int // of events, once there are as many as are held
	event  *format.Event
}

// add holds an event if it matches.
func (h *heldEvents) add(e *client.Event, filter *format.Filter) {
	h.event.Decode(&e.Payload)
	if !filter.Match(h.event) {
		return
	}
	own := *e
	own.Data = slices.Clone(e.Data)
	if len(h.events) < h.most {
		h.events = append(h.events, own)
		return
	}
	h.events[h.oldest] = own
	h.oldest = (h.oldest + 1) % h.most
}

// take returns them. None are held from then on.
func (h *heldEvents) take() []client.Event {
	events := slices.Concat(h.events[h.oldest:], h.events[:h.oldest])
	h.most, h.events, h.oldest = 0, nil, 0
	return events
}

// reportHistory says if the agent does not have what was asked for.
func (w *watcher) reportHistory(g *session.Greeting) {
	switch {
	case g == nil:
		fmt.Fprintln(w.messages, "This agent does not tell what happened before: it only serves the monitor API 1.2")
	case g.History == nil:
		fmt.Fprintln(w.messages, "This agent keeps nothing of what happened before (its --history)")
	}
}
