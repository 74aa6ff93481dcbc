// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cilium/hive/cell"
)

// subscribersScope is the scope of the agent's health that tells of guests.
const subscribersScope = "subscribers"

// lookInterval is how often the agent looks at its guests.
const lookInterval = time.Second

// heldUpAfter is after how long in one batch a guest is said to hold everybody up, or a listener
// not to close.
const heldUpAfter = 2 * time.Second

// If guests take busyShare or more of the time between two looks, and events are lost, they are
// why. That is said until none was lost for calmAfter.
const (
	busyShare = 0.7
	calmAfter = 10 * time.Second
)

// guestWatch is what is known of guests from the last look. It is guarded by Agent.Mutex.
type guestWatch struct {
	running  bool
	at       time.Duration // of counters.now
	tooMany  uint64        // of counters.tooMany
	slowText string        // who was why events were lost, at slowAt
	slowAt   time.Duration
	logged   rareLine    // that somebody is in the way; zero if nobody is
	health   cell.Health // nil until there is something to report
}

// watchGuestsLocked has the agent look at its guests while there are any. The caller holds a.Mutex.
func (a *Agent) watchGuestsLocked() {
	if a.guests.running || isClosed(a.watched) {
		return
	}
	a.guests.running = true
	a.guests.at, a.guests.tooMany = a.counters.now(), a.counters.tooMany()
	a.watchers.Go(func() {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		for {
			select {
			case <-a.watched:
				return
			case <-ticker.C:
			}
			a.removeFailedQueues()
			if !a.lookAtGuests() {
				return
			}
		}
	})
}

// lookAtGuests finds out who holds up everybody else. It returns whether there is anybody to look at.
func (a *Agent) lookAtGuests() (more bool) {
	a.Lock()
	defer a.Unlock()
	g := &a.guests
	now := a.counters.now()
	all := look{now: now}
	lookLocked(&all, &a.consumers)
	lookLocked(&all, &a.listeners)
	tooMany := a.counters.tooMany()
	if elapsed := now - g.at; tooMany > g.tooMany && float64(all.busy) >= busyShare*float64(elapsed) {
		g.slowAt = now
		g.slowText = fmt.Sprintf("%s takes %v for each event and %.0f%% of the reader's time, so that events are lost",
			all.busiest, all.perEvent, min(100, 100*float64(all.most)/float64(elapsed)))
	} else if now-g.slowAt > calmAfter {
		g.slowText = ""
	}
	g.at, g.tooMany = now, tooMany
	for _, c := range a.closing {
		if !c.begun.IsZero() && time.Since(c.begun) >= heldUpAfter {
			a.reportNotClosedLocked(c)
		}
	}
	if a.consumers.len()+a.listeners.len()+len(a.closing) == 0 {
		g.running, g.slowText = false, ""
	}
	a.reportGuestsLocked()
	return g.running
}

// look is what one look at all guests finds.
type look struct {
	now      time.Duration
	busy     time.Duration // all together since the look before
	most     time.Duration // of this one:
	busiest  string
	perEvent time.Duration
}

// lookLocked looks at the guests of a kind. The caller holds Agent.Mutex.
func lookLocked[S comparable](l *look, s *subscribers[S]) {
	for sub := range s.subscriptions {
		t := &sub.times
		if calls, busy := t.calls.Load(), time.Duration(t.busy.Load()); calls > t.calledAt {
			t.perEvent = (busy - t.seenBusy) / time.Duration(calls-t.calledAt)
			t.seenBusy, t.calledAt = busy, calls
		}
		until := t.busyUntil(l.now)
		busy := max(0, until-t.seen)
		t.seen = until
		l.busy += busy
		if busy > l.most {
			l.most, l.busiest, l.perEvent = busy, fmt.Sprintf("%s %s", s.kind, sub.name), t.perEvent
		}
	}
}

// heldUpLocked adds to problems who holds everybody up. The caller holds Agent.Mutex.
func heldUpLocked[S comparable](problems []string, s *subscribers[S], now time.Duration) []string {
	for sub := range s.subscriptions {
		if held := sub.times.runningFor(now); held >= heldUpAfter {
			problems = append(problems, fmt.Sprintf("%s %s has held everybody up for %v", s.kind, sub.name, held.Truncate(time.Second)))
		}
	}
	return problems
}

// reportGuestsLocked reports what is wrong with guests. The caller holds a.Mutex.
func (a *Agent) reportGuestsLocked() {
	g := &a.guests
	now := a.counters.now()
	slow := heldUpLocked(heldUpLocked(nil, &a.consumers, now), &a.listeners, now)
	if g.slowText != "" {
		slow = append(slow, g.slowText)
	}
	a.logSlowLocked(strings.Join(slow, "; "))
	problems := slow
	for _, r := range a.removed {
		problems = append(problems, fmt.Sprintf("%s %s was removed: %v", r.kind, r.name, r.err))
	}
	text := strings.Join(problems, "; ")
	if g.health == nil {
		if text == "" {
			return
		}
		g.health = a.health.NewScope(subscribersScope)
	}
	if text == "" {
		g.health.OK("No consumer or listener is in the way")
	} else {
		g.health.Degraded("Subscribers are in the way or removed", errors.New(text))
	}
}

// logSlowLocked logs who is in the way, empty if nobody is. The caller holds a.Mutex.
func (a *Agent) logSlowLocked(text string) {
	g := &a.guests
	if text == "" {
		if g.logged != (rareLine{}) {
			a.log.Info("No consumer or listener is in the way any more")
		}
		g.logged = rareLine{}
		return
	}
	if _, due := g.logged.next(time.Now()); due {
		a.log.Warn("Subscribers are in the way: " + text)
	}
}

// stopWatching ends the looks at guests.
func (a *Agent) stopWatching() {
	a.Lock()
	close(a.watched)
	a.Unlock()
	a.watchers.Wait()
}
