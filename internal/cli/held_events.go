// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/client"
	"github.com/cilium/monitor/format"
)

// heldEvents are the last events of the history that match. An agent that is asked for more than these sends all
// of it, of which they are found here.
type heldEvents struct {
	most   int // 0: none are held
	events []heldEvent
	oldest int // of events, once there are as many as are held
	event  *format.Event

	verdicts  map[int]*client.Event // the last one of each CPU that does not match
	unmatched uint64
}

// heldEvent is an event, and the verdict before it that says which rule it is of; nil if there is none.
type heldEvent struct {
	verdict *client.Event
	client.Event
}

// hold begins to hold so many.
func (h *heldEvents) hold(most int) {
	*h = heldEvents{most: most, event: h.event, verdicts: make(map[int]*client.Event)}
}

// add holds an event if it matches.
func (h *heldEvents) add(e *client.Event, filter *format.Filter) {
	h.event.Decode(&e.Payload)
	own := *e
	own.Data = slices.Clone(e.Data)
	if !filter.Match(h.event) {
		h.unmatched++
		if h.event.Type() == api.MessageTypePolicyVerdict {
			h.verdicts[e.CPU] = &own
		}
		return
	}
	held := heldEvent{Event: own}
	if e.Type == payload.EventSample {
		held.verdict = h.verdicts[e.CPU]
		delete(h.verdicts, e.CPU)
	}
	if len(h.events) < h.most {
		h.events = append(h.events, held)
		return
	}
	h.events[h.oldest] = held
	h.oldest = (h.oldest + 1) % h.most
}

// take returns them, each behind its verdict, and how many others there were besides. None are held from then on.
func (h *heldEvents) take() (events []client.Event, others uint64) {
	others = h.unmatched
	for _, e := range slices.Concat(h.events[h.oldest:], h.events[:h.oldest]) {
		if e.verdict != nil {
			events = append(events, *e.verdict)
			others--
		}
		events = append(events, e.Event)
	}
	h.hold(0)
	return events, others
}
