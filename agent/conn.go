// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/eventlog"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/interest"
)

// opening is what every connection begins with, see [Agent.openingLocked].
var opening = payload.AppendTypeInfo(nil)

// conn is a client's connection. What is new in the log is written straight to the socket, by
// the reader that put it there or, for user events, by the server's goroutine, as long as the socket
// takes it; after that it is blocked until the server's goroutine has written the rest.
type conn struct {
	server *server
	fd     int // closed by the server's goroutine, under mu
	since  time.Time
	cred   unix.Ucred // of the process that connected
	name   string     // of that process; empty if it is not known

	// Of a client of API 1.3, set by the server's goroutine.
	requesting *requesting    // while it is no subscriber yet
	client     string         // what it says that it is
	session    *sessionStream // cursor, before it is a subscriber; what it points to is guarded by mu

	class int // of demand, once it is a subscriber

	mu      sync.Mutex // guards what follows
	cursor  outgoing   // nil while it is no subscriber
	blocked bool       // the socket is full: epoll waits for EPOLLOUT
	failed  bool       // nothing can be written any more
}

// outgoing is what a client gets: a cursor in the event log for API 1.2, a [sessionStream] for 1.3.
type outgoing interface {
	Next() []byte
	Wrote(n int) (ok bool)
	CaughtUp() bool
	Delivered() uint64
	Lost() uint64
	Lag() uint64
	Close()
}

var _ outgoing = (*eventlog.Cursor)(nil)

// newConn returns a connection that has no cursor yet.
func newConn(s *server, fd int, cred *unix.Ucred) *conn {
	return &conn{
		server: s,
		fd:     fd,
		since:  time.Now(),
		cred:   *cred,
		name:   processName(int(cred.Pid)),
	}
}

// processName returns the name that the kernel has for a process, empty if it can't see it.
func processName(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

// wants returns what the client, which is a subscriber, wants.
func (c *conn) wants() interest.Interest {
	if c.session == nil {
		return interest.Interest{}
	}
	return c.session.wants
}

// peer describes the client in logs.
func (c *conn) peer() logrus.Fields { return peer(&c.cred, c.name) }

func peer(cred *unix.Ucred, name string) logrus.Fields {
	return logrus.Fields{"process": name, "pid": cred.Pid, "uid": cred.Uid}
}

// statsLocked tells how the client fares. The caller holds Agent.Mutex.
func (c *conn) statsLocked() ClientStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return ClientStats{
		SubscriberStats: SubscriberStats{
			Name:      c.clientName(),
			Version:   c.server.version,
			Wants:     textOf(c.wants()),
			Since:     c.since,
			Delivered: c.cursor.Delivered(),
		},
		PID:  int(c.cred.Pid),
		UID:  int(c.cred.Uid),
		Lost: c.cursor.Lost(),
		Lag:  c.cursor.Lag(),
	}
}

// flush writes what the client has not got yet, as far as the socket takes it, unless
// the connection is blocked.
func (c *conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.blocked {
		c.writeLocked()
	}
}

// offer is flush for who has appended to the log. It does not wait for the server's goroutine while that looks through
// the history for a client, who gets what is new behind that.
func (c *conn) offer() {
	if !c.behind() {
		c.flush()
	}
}

// behind tells whether the client is still to get something of the history.
func (c *conn) behind() bool { return c.session != nil && c.session.behind.Load() }

// writable is called when the socket of a blocked connection takes data again. To look through the history for the
// client is left to server.flush, which knows what its user may have of that.
func (c *conn) writable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blockLocked(false)
	if c.behind() {
		c.server.flushWanted.Store(true)
		return
	}
	c.writeLocked()
}

// writeLocked writes until the client has everything or the socket is full. The caller holds
// c.mu.
func (c *conn) writeLocked() {
	// Those who append to the log faster than this is written must not keep the
	// writer here.
	for range 8 {
		if c.failed {
			return
		}
		run := c.cursor.Next()
		if len(run) == 0 {
			switch {
			case c.session == nil:
			case c.session.more:
				continue
			case c.session.ended:
				c.failLocked() // it has everything
			}
			return
		}
		n, err := send(c.fd, run)
		ok := c.cursor.Wrote(n)
		switch {
		case !ok:
			c.server.agent.log.WithFields(c.peer()).Warn("Disconnecting a client that has read half an event: there is no memory to keep the rest")
			c.server.agent.counters.writeErrors.Add(1)
			c.failLocked()
		case err == unix.EPIPE: // the client has left, of which the server's goroutine is told, too
			c.failLocked()
		case err != nil && err != unix.EAGAIN:
			c.server.agent.counters.writeErrors.Add(1)
			c.failLocked()
		case n < len(run):
			c.blockLocked(true)
			return
		}
	}
	c.server.scheduleFlush()
}

// send writes to a socket without blocking, and returns how much it took.
func send(fd int, b []byte) (int, error) {
	for {
		n, err := unix.SendmsgN(fd, b, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// blockLocked changes whether the connection is blocked. That a client is gone, EPOLLHUP, is told
// in either case. The caller holds c.mu.
func (c *conn) blockLocked(blocked bool) {
	var events uint32
	if blocked {
		events = unix.EPOLLOUT
	}
	if err := c.server.poller.Modify(c.fd, events); err != nil {
		c.server.agent.log.WithError(err).Error("Waiting for a client of the monitor API failed")
		c.failLocked()
		return
	}
	c.blocked = blocked
}

// failLocked ends a connection that can't be written to. Shutting it down makes the server's
// goroutine notice, if it is not the client's end that is the reason. The caller holds c.mu.
func (c *conn) failLocked() {
	c.failed = true
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR) // fails if the client has gone
}

// caughtUp tells whether the client has got everything, or can't get any more.
func (c *conn) caughtUp() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed || c.cursor.CaughtUp()
}

// close closes the connection. It is called once, by the server's goroutine.
func (c *conn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = true
	if c.cursor != nil {
		c.cursor.Close()
	}
	unix.Close(c.fd)
}
