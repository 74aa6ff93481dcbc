// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
)

// Each source reports to a scope of its own, named after it, and all of them in sum to the
// agent's scope.

// reportReading reports that r reads. The caller does not hold Agent.Mutex.
func (r *reader) reportReading() {
	r.reportCurrent(func(a *Agent, at *attachment) {
		at.reading = at.readingText(r.policy.Rings())
		a.reportReadLocked(at)
	})
}

// reportReadLocked reports that at is read, and what is missing as far as the reader knows without a check. The caller holds a.Mutex.
func (a *Agent) reportReadLocked(at *attachment) {
	switch {
	case at.untold != nil:
		a.reportIncompleteLocked(at, "Events may be missing", at.untold, nil)
	case at.uncertain != nil:
		a.reportIncompleteLocked(at, "It is read, but what the datapath suppresses is not told", at.uncertain, nil)
	case at.makesAll != nil:
		a.reportIncompleteLocked(at, "It is read, at a higher cost than it need be", at.makesAll, nil)
	default:
		a.reportCompleteLocked(at)
	}
}

// reportFailed reports that r failed and when it will be started again. The caller does not
// hold Agent.Mutex.
func (r *reader) reportFailed(err error, retryIn time.Duration) {
	r.reportCurrent(func(a *Agent, at *attachment) {
		a.counters.readerFailures.Add(1)
		at.counts.failures.Add(1)
		at.reading = ""
		a.reportIncompleteLocked(at, at.failedText(), err, logrus.Fields{"retry-in": retryIn})
	})
}

// reportChecked reports whether the rings of r get all that is written. The caller does not hold
// Agent.Mutex.
func (r *reader) reportChecked(err error) {
	r.reportCurrent(func(a *Agent, at *attachment) {
		at.reading = at.readingText(r.policy.Rings())
		if at.limited > 0 {
			at.reading += ", a rate limit suppresses events"
		}
		at.limited = 0
		if err == nil {
			a.reportReadLocked(at)
		} else {
			a.reportIncompleteLocked(at, "Events may be missing", err, nil)
		}
	})
}

// reportReplaced reports that r reads other rings from now on, since those that it had were stale. The
// caller does not hold Agent.Mutex.
func (r *reader) reportReplaced(stale error) {
	r.reportCurrent(func(a *Agent, at *attachment) {
		at.counts.reopened.Add(1)
		a.noticeLocked(at, fmt.Sprintf("reading it anew, since %v; an unknown number of events may be lost", stale))
		r.log().WithError(stale).Warn("Reading the source anew, an unknown number of events may be lost")
	})
}

// reportCurrent calls report, unless r is not the reader of its source any more.
func (r *reader) reportCurrent(report func(a *Agent, at *attachment)) {
	a, at := r.agent, r.attachment
	a.Lock()
	defer a.Unlock()
	if at.reader == r && at.detaching == nil {
		report(a, at)
	}
}

// reportIncompleteLocked reports that events of at do not come, or not all of them. The caller
// holds a.Mutex.
func (a *Agent) reportIncompleteLocked(at *attachment, what string, err error, fields logrus.Fields) {
	same := at.err != nil && at.err.Error() == err.Error()
	at.err, at.wrong = err, what
	if !same {
		at.logged = rareLine{}
	}
	if _, due := at.logged.next(time.Now()); due {
		a.log.WithField("source", at.name).WithFields(fields).WithError(err).Error(what)
	}
	at.health.Degraded(what, err)
	a.reportLocked()
	if !same {
		a.noticeLocked(at, at.problem())
	}
}

// reportCompleteLocked reports that at is read, and that nothing is missing. The caller holds a.Mutex.
func (a *Agent) reportCompleteLocked(at *attachment) {
	wrong := at.err != nil
	at.err = nil
	at.health.OK(at.reading)
	a.reportLocked()
	if wrong {
		a.log.WithField("source", at.name).Info(at.reading + " again")
		a.noticeLocked(at, "it is read again")
	}
}

// reportIdleLocked reports that at is not read, since nobody is subscribed or what was attached
// before is not gone yet. The caller holds a.Mutex.
func (a *Agent) reportIdleLocked(at *attachment) {
	at.err, at.reading = nil, ""
	if a.subscribedLocked() {
		at.health.OK("Waiting until what was attached before is detached")
	} else {
		at.health.OK("Nobody is subscribed, it is not read")
	}
	a.reportLocked()
}

// kind is what kind of rings it has.
func (at *attachment) kind() ringsKind {
	if at.events == nil {
		return otherRings
	}
	return at.events.kind()
}

// ringsText is what people are told the rings are.
func (at *attachment) ringsText() string {
	switch at.kind() {
	case perfRings:
		return "perf ring buffers"
	case ringBuffer:
		return "ring buffer"
	default:
		return "rings"
	}
}

func (at *attachment) failedText() string { return "Reading the " + at.ringsText() + " failed" }

func (at *attachment) readingText(rings int) string {
	switch at.kind() {
	case perfRings:
		return fmt.Sprintf("Reading the perf ring buffers of %d CPUs", rings)
	case ringBuffer:
		text := fmt.Sprintf("Reading a ring buffer of %d bytes", at.events.status.Npages*at.events.status.Pagesize)
		if at.uncounted {
			text += ", losses in the kernel are unknown"
		}
		return text
	default:
		return fmt.Sprintf("Reading %d rings", rings)
	}
}

// idleTextLocked tells that nothing is read. The caller holds a.Mutex.
func (a *Agent) idleTextLocked() string {
	if len(a.attachments) == 1 && a.attachments[0].kind() == ringBuffer {
		return "Nobody is subscribed, the ring buffer is not read"
	}
	return "Nobody is subscribed, the perf ring buffers are not read"
}

// reportLocked reports the sum of all sources. The caller holds a.Mutex.
func (a *Agent) reportLocked() {
	var reading, failed []*attachment
	for _, at := range a.attachments {
		switch {
		case at.detaching != nil:
		case at.err != nil:
			failed = append(failed, at)
		case at.reading != "":
			reading = append(reading, at)
		}
	}
	switch {
	case len(a.attachments) == 1 && len(failed) == 1:
		a.health.Degraded(failed[0].wrong, failed[0].err)
	case len(failed) > 0:
		a.health.Degraded("Not all is well: "+names(failed), failed[0].err)
	case len(reading) == 1:
		a.health.OK(reading[0].reading)
	case len(reading) > 1:
		a.health.OK(fmt.Sprintf("Reading %d sources: %s", len(reading), names(reading)))
	case len(a.attachments) == 0:
		a.health.OK("Not attached to an events map")
	case !a.subscribedLocked():
		a.health.OK(a.idleTextLocked())
	}
}

func names(attachments []*attachment) string {
	var names []string
	for _, at := range attachments {
		names = append(names, at.name)
	}
	return strings.Join(names, ", ")
}

// reportServing reports that the server does.
func (s *server) reportServing() {
	s.degraded = false
	s.health.OK(fmt.Sprintf("Serving the monitor API %s on %s", s.version, s.path))
}

// reportFailed logs and reports that something failed.
func (s *server) reportFailed(what string, err error) {
	s.agent.log.WithError(err).Error(what)
	s.degraded = true
	s.health.Degraded(what, err)
}

// reportRecovered reports that what failed does not any more.
func (s *server) reportRecovered() {
	if s.degraded {
		s.reportServing()
	}
}
