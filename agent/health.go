// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"time"
)

// reading reports that r reads. The caller does not hold a.Mutex.
func (a *Agent) reading(r *reader) {
	a.Lock()
	defer a.Unlock()
	if a.health != nil && a.reader == r {
		a.health.OK(fmt.Sprintf("Reading the perf ring buffers of %d CPUs", len(r.wakeups.rings)))
	}
}

// failed reports that r failed and when it will be started again. The caller does not hold
// a.Mutex.
func (a *Agent) failed(r *reader, err error, retryIn time.Duration) {
	a.Lock()
	defer a.Unlock()
	if a.reader != r {
		return
	}
	a.counters.readerFailures.Add(1)
	a.log.WithError(err).WithField("retry-in", retryIn).Error("Reading the perf ring buffers failed")
	if a.health != nil {
		a.health.Degraded("Reading the perf ring buffers failed", err)
	}
}

// serving reports that the server does.
func (s *server) serving() {
	if s.health != nil {
		s.health.OK("Serving the monitor API 1.2 on " + s.path)
	}
}

// fails logs and reports that something failed.
func (s *server) fails(what string, err error) {
	s.agent.log.WithError(err).Error(what)
	s.degraded = true
	if s.health != nil {
		s.health.Degraded(what, err)
	}
}

// recovered reports that what failed does not any more.
func (s *server) recovered() {
	if s.degraded {
		s.degraded = false
		s.serving()
	}
}

// stopped reports that the server has ended with the agent.
func (s *server) stopped() {
	if s.health != nil {
		s.health.Stopped("The agent is stopped")
	}
}

// idle reports that no reader is needed. The caller holds a.Mutex.
func (a *Agent) idle() {
	if a.health == nil {
		return
	}
	if a.eventsMap == nil {
		a.health.OK("Not attached to an events map")
	} else {
		a.health.OK("Nobody is subscribed, the perf ring buffers are not read")
	}
}
