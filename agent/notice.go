// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
)

// problem tells what is wrong with a source.
func (at *attachment) problem() string { return fmt.Sprintf("%s: %v", at.wrong, at.err) }

// ReportNoDatapath says why there are no events of a datapath. As long as no source is attached, each
// client of a socket is told so when it connects, and all subscribers when the reason becomes another one.
func (a *Agent) ReportNoDatapath(why string) {
	if a == nil {
		return
	}
	a.Lock()
	defer a.Unlock()
	if a.stopping || a.noDatapath == why {
		return
	}
	told := a.noDatapath != ""
	a.noDatapath = why
	if told && len(a.attachments) == 0 {
		a.tellLocked(why)
	}
}

// noticeLocked tells all subscribers what happened to a source. The caller holds a.Mutex.
func (a *Agent) noticeLocked(at *attachment, text string) {
	a.tellLocked("source " + at.name + ": " + text)
}

// tellLocked tells all subscribers something, in an event of user space. The caller holds a.Mutex, so
// that it can't wait for them.
func (a *Agent) tellLocked(text string) {
	notice := userEvent{typ: api.MessageTypeAgent, event: api.MonitorNotice(text), notice: true}
	var err error
	if a.encodes() {
		if notice.data, err = encode(notice.typ, notice.event); err != nil {
			a.log.WithError(err).Error("Telling clients what happened to the sources failed")
		}
	}
	if a.dispatch.leave(notice) {
		a.release()
	}
}

// problemsLocked tells what is wrong with the sources, empty if nothing is. The caller holds a.Mutex.
func (a *Agent) problemsLocked() string {
	if len(a.attachments) == 0 {
		return a.noDatapath
	}
	var problems []string
	for _, at := range a.attachments {
		if at.err != nil && at.detaching == nil {
			problems = append(problems, "source "+at.name+": "+at.problem())
		}
	}
	return strings.Join(problems, "; ")
}

// openingLocked returns what a connection begins with: the type information, the messages, and what is
// wrong if anything is. The caller holds a.Mutex.
func (a *Agent) openingLocked(messages []api.AgentNotifyMessage) []byte {
	all := slices.Clip(opening)
	for _, data := range a.openingEventsLocked(messages) {
		all = payload.AppendValue(all, &payload.Payload{Data: data, Type: payload.EventSample})
	}
	return all
}

// openingEventsLocked returns the messages, and what is wrong if anything is, encoded. The caller holds a.Mutex.
func (a *Agent) openingEventsLocked(messages []api.AgentNotifyMessage) (all [][]byte) {
	if problems := a.problemsLocked(); problems != "" {
		messages = append(slices.Clip(messages), api.MonitorNotice(problems))
	}
	for _, message := range messages {
		data, err := encode(api.MessageTypeAgent, message)
		if err != nil {
			a.log.WithError(err).Error("Telling a new client what it has to know failed")
			continue
		}
		all = append(all, *data)
	}
	return all
}

// isNotice tells whether an event is a notice, which clients and streams get whatever they want.
func isNotice(sample []byte) bool {
	var n api.AgentNotify
	if len(sample) == 0 || sample[0] != api.MessageTypeAgent || n.Decode(sample) != nil {
		return false
	}
	_, ok := n.MonitorNotice()
	return ok
}
