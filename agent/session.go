// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/recording"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/listener"
)

// requestTimeout is how long a client of API 1.3 may take for its request.
const requestTimeout = 5 * time.Second

// ServeSessions serves the monitor API 1.3, see package session, as [ServeMonitorAPI] serves 1.2. The default path
// is that of [session.SocketPath] for [DefaultSocketPath]. A client is a subscriber once its request is taken; it
// gets what it asks for. One that sends no request within five seconds, or a wrong one, is refused.
//
// One agent can be served on several sockets, by both functions.
func ServeSessions(monitor *Agent, opts ...ServerOption) error {
	return serve(monitor, listener.Version1_3, session.SocketPath(DefaultSocketPath), opts)
}

// WithDictionary sets where the names come from that clients of the monitor API 1.3 are told. It is asked every
// second, and when a client comes; what it returns is not changed any more, and the same pointer says that nothing
// has changed. It returns soon, is called by one goroutine at a time, and must not call the agent. The default has the vocabulary of package api.
func WithDictionary(dictionary func() *session.Dictionary) ServerOption {
	return func(s *server) { s.askDictionary = dictionary }
}

// WithProgram sets the name and version of the program that clients of the monitor API 1.3 are told.
func WithProgram(name string) ServerOption {
	return func(s *server) { s.program = name }
}

// requesting is a connection whose request is not complete. Its fields are used by the server's goroutine only.
type requesting struct {
	deadline time.Time
	frame    []byte // what has come of it
	taken    bool   // it is complete and good
}

// awaitRequest has a connection send its request.
func (s *server) awaitRequest(c *conn) {
	c.requesting = &requesting{deadline: time.Now().Add(requestTimeout)}
}

// readRequest reads what has come of a request, and takes it if it is complete.
func (s *server) readRequest(c *conn) {
	r := c.requesting
	buf := make([]byte, 4096)
	for !r.taken {
		n, err := unix.Read(c.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return
		case err != nil || n <= 0:
			s.disconnect(c)
			return
		}
		r.frame = append(r.frame, buf[:n]...)
		var request *session.Request
		size, err := session.RequestFrameSize(r.frame)
		if err == nil {
			if size == 0 || len(r.frame) < size {
				continue
			}
			request, err = session.ReadRequest(bytes.NewReader(r.frame))
		}
		var refusal *session.Refusal
		if errors.As(err, &refusal) {
			s.refuseRequest(c, refusal)
			return
		}
		r.taken, r.frame = true, nil
		s.takeRequest(c, request)
	}
}

// refuseRequest ends a connection and tells it why.
func (s *server) refuseRequest(c *conn, refusal *session.Refusal) {
	s.agent.counters.refused.Add(1)
	if n, ok := s.refusals.next(time.Now()); ok {
		s.agent.log.WithError(refusal).WithFields(c.peer()).WithField("since-last-line", n).Warn("Refusing a request to the monitor API")
	}
	if frame, err := session.AppendRefusal(nil, refusal); err == nil {
		_, _ = send(c.fd, frame) // a client that does not read it does without
	}
	s.disconnect(c)
}

// expireRequests refuses connections whose request does not come, all of them if the server stops.
func (s *server) expireRequests(now time.Time, stopping bool) {
	for _, c := range s.byFd {
		switch {
		case c.requesting == nil || c.requesting.taken && !stopping:
		case stopping:
			s.refuseRequest(c, &session.Refusal{Code: session.CodeStopping, Text: "the agent stops", Temporary: true})
		case now.After(c.requesting.deadline):
			s.refuseRequest(c, &session.Refusal{Code: session.CodeTimeout, Text: "no request came within " + requestTimeout.String(), Temporary: true})
		}
	}
}

// takeRequest has workOnRequests make a subscriber of a connection.
func (s *server) takeRequest(c *conn, request *session.Request) {
	if err := s.poller.Modify(c.fd, 0); err != nil {
		s.agent.log.WithError(err).Error("Waiting for a client of the monitor API failed")
		s.disconnect(c)
		return
	}
	s.requests = append(s.requests, &openedSession{conn: c, request: request})
}

// forgetWaiting forgets the request of a connection that ends, if it is waiting.
func (s *server) forgetWaiting(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = slices.DeleteFunc(s.waiting, func(o *openedSession) bool { return o.conn == c })
}

// greet answers a request, and begins to write what was asked for.
func (s *server) greet(o *openedSession) {
	c, a := o.conn, s.agent
	s.updateDictionary()
	o.stream.dictionary = s.dictionary.Load()
	greeting, err := session.AppendGreeting(nil, s.greeting(o))
	if err != nil { // a dictionary that is too large
		s.dropSession(o)
		s.refuseRequest(c, &session.Refusal{Code: session.CodeBusy, Text: err.Error()})
		return
	}
	o.stream.out = greeting
	a.Lock() // at once, so that a notice is in the opening or in the log
	o.stream.opening = a.openingEventsLocked(s.openingOfSessions)
	c.mu.Lock()
	c.cursor = o.stream
	c.mu.Unlock()
	c.session = o.stream
	c.class, c.requesting = o.class, nil
	c.client = o.request.Client
	s.conns.addLocked(c, c.name, o.class)
	a.totalSubscribers.Clients++
	a.Unlock()
	c.flush()
	a.log.WithFields(c.peer()).WithField("wants", o.stream.wants).Debug("A client connected to the monitor API 1.3")
}

// greeting is how the agent answers a request.
func (s *server) greeting(o *openedSession) *session.Greeting {
	a := s.agent
	g := &session.Greeting{
		Version:   session.Version,
		Agent:     s.program,
		ByteOrder: byteOrder(),
		Time:      time.Now().UnixNano(),
		Applies: session.Applies{
			Types: true, DropReasons: true, Until: true, Packets: o.looksAtPackets(),
			From: a.history != nil && o.begin() == beginOfRequest(o.request),
		},
		Dictionary: *o.stream.dictionary,
	}
	if stats := a.history.stats(); stats != nil {
		g.History = &session.History{}
		for _, typ := range a.history.wants.Types {
			g.History.Types = append(g.History.Types, int(typ))
		}
		if !stats.Oldest.IsZero() {
			g.History.Oldest = stats.Oldest.UnixNano()
		}
	}
	return g
}

func byteOrder() string {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return recording.LittleEndian
	}
	return recording.BigEndian
}

func interestOfRequest(r *session.Request) interest.Interest {
	return interest.Interest{Types: bytesOf(r.Types), DropReasons: bytesOf(r.DropReasons), Packets: r.Packets}.Normal()
}

func bytesOf(numbers []int) []uint8 {
	var all []uint8
	for _, n := range numbers {
		all = append(all, uint8(n))
	}
	return all
}

// looksAtPackets tells whether the agent applies what the request says of packets: others may ask for too much.
func (o *openedSession) looksAtPackets() bool {
	return o.request.Packets == nil || len(o.stream.wants.Packets) > 0
}

// begin is where in the history the session begins. If the agent does not look at packets, who wants the last ones of
// some gets all there are, and finds the last ones of them by itself.
func (o *openedSession) begin() begin {
	b := beginOfRequest(o.request)
	if !o.looksAtPackets() && b.last > 0 {
		b.last = maxLast
	}
	return b
}

func beginOfRequest(r *session.Request) begin {
	b := begin{last: int(min(r.From.Last, maxLast)), until: r.Until}
	if r.From.Since != 0 {
		b.since = time.Unix(0, r.From.Since)
	}
	return b
}

// maxLast is more events than any history has.
const maxLast = math.MaxInt

// updateDictionary asks for the names.
func (s *server) updateDictionary() {
	if s.askDictionary == nil {
		return
	}
	names := s.askDictionary()
	if names == s.asked {
		return
	}
	s.asked = names
	withRules := *names
	if withRules.DenyRules == nil {
		withRules.DenyRules = s.denyRules
	}
	s.dictionary.Store(&withRules)
	s.flushWanted.Store(true)
}

// splitOpening makes names of those messages of the opening that say which deny rules there are.
func (s *server) splitOpening() {
	for _, message := range s.opening {
		data, err := encode(api.MessageTypeAgent, message)
		if err != nil {
			s.openingOfSessions = append(s.openingOfSessions, message) // whoever tells it reports why that can't be
			continue
		}
		if rules, ok := api.DecodeDenyRules(*data); ok {
			s.denyRules = rules
		} else {
			s.openingOfSessions = append(s.openingOfSessions, message)
		}
		putBuffer(data)
	}
	if s.askDictionary == nil {
		vocabulary := &session.Dictionary{Names: recording.Vocabulary()}
		s.askDictionary = func() *session.Dictionary { return vocabulary }
	}
	s.updateDictionary()
}

// clientName is what a client is called: what it says of itself, else the name of its process.
func (c *conn) clientName() string { return cmp.Or(c.client, c.name) }
