// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/hive/cell"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/internal/health"
	"github.com/cilium/monitor/internal/unixsocket"
	"github.com/cilium/monitor/listener"
)

// acceptPause is how long no connection is accepted after that failed, for want of
// file descriptors for example.
const acceptPause = 100 * time.Millisecond

// ServerOption changes a default of [ServeMonitorAPI].
type ServerOption func(*server)

// WithSocketPath sets the path of the socket. The default is [DefaultSocketPath].
func WithSocketPath(path string) ServerOption {
	return func(s *server) { s.path = path }
}

// WithServerHealth sets where the server reports its health. The default is nowhere.
func WithServerHealth(h cell.Health) ServerOption {
	return func(s *server) { s.health = health.OrNone(h) }
}

// WithMaxClients sets how many clients the socket has at most. One user other than root may have a
// quarter of them, so that no user can keep out all others. Further connections are closed at once,
// without a byte written. The default, also for a number below 1, is [DefaultMaxClients].
//
// A client costs up to 250 KiB in its socket's buffer, if it does not read, and a few KiB beside
// that. What the kernel keeps for connections is the memory of the agent's cgroup.
func WithMaxClients(n int) ServerOption {
	return func(s *server) { s.maxClients = n }
}

// WithOpening adds agent notifications that each connection begins with: what clients have to know
// before any event. They are no events, and counted as none.
func WithOpening(messages ...api.AgentNotifyMessage) ServerOption {
	return func(s *server) { s.opening = append(s.opening, messages...) }
}

// ServeMonitorAPI serves the monitor API 1.2 on a unix domain socket. It starts the
// server in the background and returns. The server is stopped when monitor.Context()
// is cancelled. Each incoming connection is a new subscriber of monitor.
//
// The socket has mode 0660 and the group [SocketGroup], if that exists. Its directory is
// made if necessary. A socket that a process left behind is replaced; one that is
// being served, anything that is not a socket, and the name of an abstract socket are errors.
// While it is served, a lock file is beside it: its path and ".lock".
//
// One agent can be served on several sockets.
func ServeMonitorAPI(monitor *Agent, opts ...ServerOption) error {
	return serve(monitor, listener.Version1_2, DefaultSocketPath, opts)
}

// serve serves a version of the API.
func serve(monitor *Agent, version listener.Version, path string, opts []ServerOption) error {
	if monitor == nil {
		return ErrNoAgent
	}
	s := &server{agent: monitor, version: version, path: path, health: health.OrNone(nil), ended: make(chan struct{})}
	for _, opt := range opts {
		opt(s)
	}
	if s.maxClients < 1 {
		s.maxClients = DefaultMaxClients
	}
	if version == listener.Version1_3 {
		s.splitOpening()
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("serve monitor API on %s: %w", s.path, err)
	}

	monitor.Lock()
	defer monitor.Unlock()
	if monitor.stopping || monitor.ctx.Err() != nil {
		return errors.Join(ErrStopped, s.closeListener(), s.poller.Close())
	}
	monitor.servers.addLocked(s, s.path, 0)
	monitor.log.WithField("path", s.path).Infof("Serving the monitor API %s", version)
	s.reportServing()
	go s.run()
	return nil
}

// server serves one socket. Its goroutine accepts connections, notices that clients
// are gone, writes user events, and writes to those whose sockets did not take all at
// once. Everything else is written by the reader that has it, see conn.flush.
type server struct {
	agent      *Agent
	version    listener.Version
	path       string
	health     cell.Health
	maxClients int
	opening    []api.AgentNotifyMessage // of each connection
	poller     *epoll.Poller
	ended      chan struct{} // closed when the goroutine ends

	conns       subscribers[*conn] // changed by the goroutine only, which holds Agent.Mutex
	flushWanted atomic.Bool

	// Used by the goroutine only, once it runs.
	socket   *unixsocket.Socket // nil once closed
	byFd     map[int]*conn
	acceptAt time.Time // no connection is accepted before; zero if there is no need
	degraded bool      // accepting failed the last time
	checkAt  time.Time // when to look whether the socket is in its place
	missing  bool      // it is not

	refusals, acceptFailures rareLine

	// Of API 1.3.
	program           string
	askDictionary     func() *session.Dictionary
	asked             *session.Dictionary                // what that returned last
	denyRules         []string                           // of the opening
	openingOfSessions []api.AgentNotifyMessage           // without these
	dictionary        atomic.Pointer[session.Dictionary] // that all sessions get
	kept              atomic.Int64                       // bytes that sessions have to write and that the log need not have any more
	ticks             atomic.Uint64                      // how often checkSocket has had the sessions written to
	requests          []*openedSession                   // to be worked on, used by the goroutine only
	workAt            time.Time                          // when; zero if there are none. Used by the goroutine only
	behindAt          time.Time                          // when those are written to who had to wait for more of the history; zero if nobody had to. Used by the goroutine only
	allowances        allowances                         // used by the goroutine only
	deferrals         sync.WaitGroup                     // of openWaiting

	mu       sync.Mutex // guards what follows
	waiting  []*openedSession
	deferred bool // openWaiting is left with the dispatch lock
	opened   []*openedSession
	stopping bool
	deadline time.Time // of a stopping server
}

// flush writes to all clients what they have not got yet, as far as their sockets take
// it. It does not block.
//
// What it costs to look through the history for a client counts as what its requests cost.
func (s *server) flush() {
	s.behindAt = time.Time{}
	for c := range s.conns.all {
		if !c.behind() {
			c.flush()
			continue
		}
		begun := time.Now()
		if wait := s.allowances.wait(c.cred.Uid, begun); wait > 0 {
			s.behindAt = earlier(s.behindAt, begun.Add(wait))
			continue
		}
		c.flush()
		s.allowances.spend(c.cred.Uid, begun)
	}
}

// earlier returns the earlier time of two, of which the first may be none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// offer is flush for who has appended to the log.
func (s *server) offer() {
	for c := range s.conns.all {
		c.offer()
	}
}

// scheduleFlush has the server's goroutine call flush.
func (s *server) scheduleFlush() {
	if s.conns.len() > 0 && !s.flushWanted.Swap(true) {
		s.wake()
	}
}

func (s *server) wake() {
	if err := s.poller.Wake(); err != nil {
		s.agent.log.WithError(err).Error("Waking up the monitor API server failed")
	}
}

// stop makes the server end: at once for clients that have got everything, and at the
// deadline for the others.
func (s *server) stop(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping, s.deadline = true, deadline
	s.wake()
}

func (s *server) run() {
	defer close(s.ended)
	defer s.closeAll()
	for {
		events, err := s.poller.Wait(s.timeout())
		if err != nil {
			s.reportFailed("The monitor API server failed", err)
			return
		}
		connected := false
		for _, ev := range events {
			if s.socket != nil && int(ev.Fd) == s.socket.FD() {
				connected = true
			} else {
				s.handle(int(ev.Fd), ev.Events)
			}
		}
		if connected { // after those who have gone, so that their places are free
			s.accept()
		}
		if s.flushWanted.Swap(false) || s.behindDue() {
			s.flush()
		}
		s.workOnRequests()
		s.resumeAccept()
		if s.finish() {
			s.health.Stopped("The agent is stopped")
			return
		}
	}
}

// behindDue tells whether clients that wait to be written more of the history have waited for long enough.
func (s *server) behindDue() bool { return !s.behindAt.IsZero() && !time.Now().Before(s.behindAt) }

// timeout returns how long to wait for events at most.
func (s *server) timeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return max(0, time.Until(s.deadline))
	}
	next := s.checkAt
	for _, at := range []time.Time{s.acceptAt, s.workAt, s.behindAt} {
		if !at.IsZero() && at.Before(next) {
			next = at
		}
	}
	return max(0, time.Until(next))
}

// finish does the work of a stopping server, and returns whether it is done.
func (s *server) finish() bool {
	s.mu.Lock()
	stopping, deadline := s.stopping, s.deadline
	s.mu.Unlock()
	s.expireRequests(time.Now(), stopping)
	if !stopping {
		s.checkSocket()
		return false
	}
	if err := s.closeListener(); err != nil {
		s.agent.log.WithError(err).Warn("Closing the monitor API socket failed")
	}
	for c := range s.conns.all {
		if c.flush(); c.caughtUp() {
			s.disconnect(c)
		}
	}
	return len(s.byFd) == 0 || !time.Now().Before(deadline)
}

// closeListener closes the socket and removes it from the file system, once.
func (s *server) closeListener() error {
	if s.socket == nil {
		return nil
	}
	err := s.socket.Close()
	s.socket = nil
	return err
}

// closeAll is the end of the server.
func (s *server) closeAll() {
	for _, c := range s.byFd {
		s.disconnect(c)
	}
	s.deferrals.Wait() // what it has opened is to be closed, and it wakes the poller up
	s.workOnRequests() // of those of whom none is connected any more
	if err := errors.Join(s.closeListener(), s.poller.Close()); err != nil {
		s.agent.log.WithError(err).Warn("Closing the monitor API server failed")
	}
}

// handle handles what epoll says of a client's connection.
func (s *server) handle(fd int, events uint32) {
	c := s.byFd[fd]
	if c == nil {
		return
	}
	if events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		s.disconnect(c)
		return
	}
	if events&unix.EPOLLIN != 0 && c.requesting != nil {
		begun := time.Now()
		s.readRequest(c)
		s.allowances.spend(c.cred.Uid, begun)
		return
	}
	if events&unix.EPOLLOUT != 0 {
		c.writable()
	}
}

// accept accepts connections that are waiting: not all at once, others wait for this
// goroutine as well.
func (s *server) accept() {
	for range 16 {
		fd, _, err := unix.Accept4(s.socket.FD(), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			s.reportRecovered()
			s.connect(fd)
		case errors.Is(err, unix.EAGAIN):
			s.reportRecovered()
			return
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		default:
			s.acceptFailed(err)
			return
		}
	}
}

func (s *server) pauseAccept() {
	if err := s.poller.Modify(s.socket.FD(), 0); err != nil {
		s.agent.log.WithError(err).Error("Pausing the monitor API socket failed")
	}
	s.acceptAt = time.Now().Add(acceptPause)
}

func (s *server) resumeAccept() {
	if s.acceptAt.IsZero() || s.socket == nil || time.Now().Before(s.acceptAt) {
		return
	}
	s.acceptAt = time.Time{}
	if err := s.poller.Modify(s.socket.FD(), unix.EPOLLIN); err != nil {
		s.agent.log.WithError(err).Error("Resuming the monitor API socket failed")
	}
	s.accept() // tells whether it works again, also when no connection is waiting
}

// connect makes a subscriber of a connection, or refuses it.
func (s *server) connect(fd int) {
	cred, err := s.admit(fd)
	if err == nil {
		err = s.poller.Add(fd, s.eventsOfNew())
	}
	if err != nil {
		s.refuse(fd, cred, err)
		return
	}
	c := newConn(s, fd, cred)
	s.byFd[fd] = c
	if s.version == listener.Version1_3 {
		s.awaitRequest(c)
		return
	}
	a := s.agent
	a.Lock() // at once, so that a notice is in the opening or in the log
	a.demand.enterEverythingLocked()
	c.cursor = a.events.NewCursor(everything, a.openingLocked(s.opening))
	s.conns.addLocked(c, c.name, everything)
	a.connections.Add(1)
	a.totalSubscribers.Clients++
	a.startReadersLocked()
	a.Unlock()
	c.flush()
	a.log.WithFields(c.peer()).Debug("A client connected to the monitor API")
}

// eventsOfNew are those that epoll waits for on a new connection.
func (s *server) eventsOfNew() uint32 {
	if s.version == listener.Version1_3 {
		return unix.EPOLLIN
	}
	return 0
}

// disconnect ends a connection.
func (s *server) disconnect(c *conn) {
	delete(s.byFd, c.fd)
	if c.requesting != nil {
		s.forgetWaiting(c)
		c.close()
		return
	}
	begun, a := time.Now(), s.agent
	a.log.WithFields(c.peer()).Debug("A client disconnected from the monitor API")
	a.Lock()
	s.conns.removeLocked(c)
	a.demand.leaveClientLocked(c.cred.Uid, c.class, c.wants())
	a.connections.Add(-1)
	c.close()
	a.closedClients.add(c.statsLocked(), true)
	a.stopReadersIfUnusedLocked()
	a.Unlock()
	s.allowances.spend(c.cred.Uid, begun)
}
