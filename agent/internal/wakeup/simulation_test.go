// SPDX-License-Identifier: Apache-2.0

package wakeup_test

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cilium/monitor/agent/internal/wakeup"
	"github.com/cilium/monitor/agent/source"
)

const (
	us = time.Microsecond
	ms = time.Millisecond
)

// What things take in a simulation.
const (
	wakeLatency = 30 * us // from a record to the visit that it asks for
	visitTime   = 20 * us // of a visit, and of each record in it:
	recordTime  = 300 * time.Nanosecond
	timerLate   = 50 * us // at most
)

// What things cost in CPU of the reader.
const (
	costOfWakeup = 25 * us
	costOfPoll   = 18 * us
)

// arrival is a record that is written into a ring.
type arrival struct {
	at   time.Duration
	ring int
}

// outcome is what a simulation comes to.
type outcome struct {
	took    time.Duration
	wakeups int // of the kernel, those included that the reader does not notice
	polls   int
	looks   int           // into rings
	most    time.Duration // that a record waited
	total   time.Duration // that all waited
	unread  int
}

func (o *outcome) cpu() time.Duration {
	return time.Duration(o.wakeups)*costOfWakeup + time.Duration(o.polls)*costOfPoll
}

// simulation is a reader of rings, and the kernel that writes into them.
type simulation struct {
	policy   *wakeup.Policy
	maxDelay time.Duration
	modes    []source.Mode
	waiting  [][]time.Duration // records in each ring
	arrivals []arrival         // that are still to come
	woken    []int
	wokenAt  time.Duration
	random   *rand.Rand
	outcome
}

// simulate has a reader with such a delay read what arrives.
func simulate(rings int, arrivals []arrival, maxDelay time.Duration) outcome {
	throttled := slices.Repeat([]bool{true}, rings)
	s := &simulation{
		policy:   wakeup.New(throttled, maxDelay),
		maxDelay: maxDelay,
		modes:    make([]source.Mode, rings),
		waiting:  make([][]time.Duration, rings),
		arrivals: arrivals,
		random:   rand.New(rand.NewPCG(1, 1)),
	}
	s.took = arrivals[len(arrivals)-1].at
	for now := time.Duration(0); now < s.took+2*time.Second && s.wait(&now); { // a policy that is wrong may poll for ever
		s.visit(&now)
	}
	for _, waiting := range s.waiting {
		s.unread += len(waiting)
	}
	return s.outcome
}

// wait advances the time to the next visit, and returns false if there is none.
func (s *simulation) wait(now *time.Duration) bool {
	poll, ok := s.policy.NextPoll()
	if ok {
		poll = max(*now, poll)
		if poll > *now {
			poll += time.Duration(s.random.Int64N(int64(timerLate)))
		}
	}
	for len(s.woken) == 0 && len(s.arrivals) > 0 && (!ok || s.arrivals[0].at <= poll) {
		s.write()
	}
	switch {
	case len(s.woken) > 0 && (!ok || s.wokenAt+wakeLatency < poll):
		*now = max(*now, s.wokenAt+wakeLatency)
	case ok:
		*now = poll
		s.polls++
	default:
		return false
	}
	s.writeUntil(*now)
	return true
}

// write has the next record arrive.
func (s *simulation) write() {
	a := s.arrivals[0]
	s.arrivals = s.arrivals[1:]
	s.waiting[a.ring] = append(s.waiting[a.ring], a.at)
	if s.modes[a.ring] == source.Lazy {
		return
	}
	s.wakeups++
	if s.modes[a.ring] == source.Once {
		s.modes[a.ring] = source.Lazy // as good as
	}
	if len(s.woken) == 0 {
		s.wokenAt = a.at
	}
	if !slices.Contains(s.woken, a.ring) {
		s.woken = append(s.woken, a.ring)
	}
}

func (s *simulation) writeUntil(t time.Duration) {
	for len(s.arrivals) > 0 && s.arrivals[0].at <= t {
		s.write()
	}
}

// visit is what the agent's reader does.
func (s *simulation) visit(now *time.Duration) {
	woken := s.woken
	s.woken = nil
	look, changes := s.policy.Begin(*now, woken)
	s.adapt(changes)
	for _, i := range look {
		s.looks++
		n := len(s.waiting[i])
		for _, at := range s.waiting[i] {
			s.most = max(s.most, *now-at)
			s.total += *now - at
		}
		s.waiting[i] = s.waiting[i][n:]
		s.policy.Found(i, n)
		*now += time.Duration(n) * recordTime
	}
	*now += visitTime
	s.writeUntil(*now)
	for _, i := range look {
		if len(s.waiting[i]) > 0 {
			s.policy.More(i)
		}
	}
	s.adapt(s.policy.End(*now))
}

func (s *simulation) adapt(changes []wakeup.Change) {
	for _, c := range changes {
		s.modes[c.Ring] = c.Mode
		if c.Mode != source.Lazy && len(s.waiting[c.Ring]) > 0 {
			s.policy.Missed(c.Ring)
		}
	}
}
