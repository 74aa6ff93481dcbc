// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
)

const (
	// rewindStep is how many bytes of the history are looked at before others have their turn.
	rewindStep = 128 << 10

	// requestTurn is about how long requests are worked on before events are written again.
	requestTurn = time.Millisecond
)

// openedSession is one on its way from the request to the greeting.
type openedSession struct {
	conn    *conn
	request *session.Request
	opened  bool          // openSession was called
	took    time.Duration // that, by openWaiting
	stream  *sessionStream
	class   int
}

// workOnRequests goes on with requests, each a step at a time, for as long as others can wait, and as their users have time left.
func (s *server) workOnRequests() {
	s.mu.Lock()
	s.requests = append(s.requests, s.opened...)
	s.opened = nil
	s.mu.Unlock()
	begun := time.Now()
	s.workAt = time.Time{}
	for range len(s.requests) {
		o := s.requests[0]
		s.requests = s.requests[1:]
		now, uid := time.Now(), o.conn.cred.Uid
		if s.byFd[o.conn.fd] != o.conn { // it has gone in the meantime
			s.dropSession(o)
			continue
		}
		if wait := s.allowances.wait(uid, now); wait > 0 || now.Sub(begun) > requestTurn {
			s.keepRequest(o, now.Add(wait))
			continue
		}
		took := o.took
		o.took = 0
		if s.workOn(o) { // else it may be openWaiting's already
			s.keepRequest(o, now)
		}
		s.allowances.spend(uid, now.Add(-took))
	}
}

// keepRequest keeps a request until a time.
func (s *server) keepRequest(o *openedSession, until time.Time) {
	s.requests = append(s.requests, o)
	s.workAt = earlier(s.workAt, until)
}

// workOn does the next step for a request, and returns whether there is another one.
func (s *server) workOn(o *openedSession) (more bool) {
	if !o.opened {
		if s.agent.history != nil && o.request.From != (session.From{}) {
			s.openLater(o)
			return false
		}
		s.openSession(o)
	}
	if o.stream.past != nil && !o.stream.past.rewind(rewindStep, nil) {
		return true
	}
	s.greet(o)
	return false
}

// openLater has a session that begins in the history opened when no event is being distributed.
func (s *server) openLater(o *openedSession) {
	s.mu.Lock()
	s.waiting = append(s.waiting, o)
	deferred := s.deferred
	s.deferred = true
	s.mu.Unlock()
	if !deferred {
		s.deferrals.Add(1)
		s.agent.afterPending(s.openWaiting)
	}
}

// openWaiting opens sessions that wait until no event is being distributed. The caller holds the dispatch lock.
func (s *server) openWaiting() {
	defer s.deferrals.Done()
	s.mu.Lock()
	waiting := s.waiting
	s.waiting, s.deferred = nil, false
	s.mu.Unlock()
	if len(waiting) == 0 {
		return
	}
	for _, o := range waiting {
		begun := time.Now()
		s.openSession(o)
		o.took = time.Since(begun)
	}
	s.mu.Lock()
	s.opened = append(s.opened, waiting...)
	s.mu.Unlock()
	s.wake()
}

// openSession subscribes a session. It holds the dispatch lock if the session begins in the history.
func (s *server) openSession(o *openedSession) {
	o.opened = true
	a := s.agent
	a.Lock()
	defer a.Unlock()
	var wants interest.Interest
	o.class, wants = a.demand.enterClientLocked(o.conn.cred.Uid, interestOfRequest(o.request))
	o.stream = &sessionStream{
		server: s, wants: wants, shared: o.class == shared, until: o.request.Until, only: o.request.HistoryOnly,
		live: a.events.NewCursor(o.class, nil), notAccepted: a.counters.notAccepted(), toldAt: s.ticks.Load(),
	}
	if o.request.From != (session.From{}) {
		if o.stream.past = a.history.newPast(wants, o.begin()); o.stream.past != nil {
			o.stream.behind.Store(true)
		}
	}
	a.connections.Add(1)
	a.startReadersLocked()
}

// dropSession undoes openSession.
func (s *server) dropSession(o *openedSession) {
	if o.stream == nil {
		return
	}
	a := s.agent
	a.Lock()
	defer a.Unlock()
	o.stream.Close()
	a.demand.leaveClientLocked(o.conn.cred.Uid, o.class, o.stream.wants)
	a.connections.Add(-1)
	a.stopReadersIfUnusedLocked()
}
