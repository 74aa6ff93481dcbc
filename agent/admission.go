// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// sendBuffer is what SO_SNDBUF of a connection is set to. The kernel doubles it, so it is the
// usual default, whatever the machine's is. Beyond that a socket takes one more piece of
// some 36 KiB at most.
const sendBuffer = 104 << 10

// errTooManyClients is why a connection is refused.
var errTooManyClients = errors.New("too many clients")

// admit returns the process at the other end of a new connection, or why it can't be a client.
func (s *server) admit(fd int) (*unix.Ucred, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, fmt.Errorf("see who connected: %w", err)
	}
	if len(s.byFd) >= s.maxClients {
		return cred, fmt.Errorf("%w: there are %d already", errTooManyClients, s.maxClients)
	}
	if most := s.maxClientsOf(cred.Uid); s.clientsOf(cred.Uid) >= most {
		return cred, fmt.Errorf("%w: uid %d has %d already", errTooManyClients, cred.Uid, most)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer); err != nil {
		return cred, fmt.Errorf("set the size of the socket's buffer: %w", err)
	}
	return cred, nil
}

// maxClientsOf returns how many clients of one user there may be: root can use all places, others
// leave some to others.
func (s *server) maxClientsOf(uid uint32) int {
	if uid == 0 {
		return s.maxClients
	}
	return (s.maxClients + 3) / 4
}

func (s *server) clientsOf(uid uint32) (n int) {
	for _, c := range s.byFd {
		if c.cred.Uid == uid {
			n++
		}
	}
	return n
}

// refuse closes a connection without a word: bytes for clients that do not read them would take
// memory that nobody bounds.
func (s *server) refuse(fd int, cred *unix.Ucred, err error) {
	defer unix.Close(fd) // who sees it is counted already
	if errors.Is(err, errTooManyClients) {
		s.agent.counters.refused.Add(1)
	} else {
		s.agent.counters.acceptErrors.Add(1)
	}
	if n, ok := s.refusals.next(time.Now()); ok {
		log := s.agent.log.WithError(err).WithField("since-last-line", n)
		if cred != nil {
			log = log.WithFields(peer(cred, processName(int(cred.Pid))))
		}
		log.Warn("Refusing a connection to the monitor API")
	}
}

// acceptFailed reports that connections can't be accepted, and pauses.
func (s *server) acceptFailed(err error) {
	const what = "Accepting connections to the monitor API failed"
	s.agent.counters.acceptErrors.Add(1)
	if n, ok := s.acceptFailures.next(time.Now()); ok {
		s.agent.log.WithError(err).WithField("since-last-line", n).Error(what)
	}
	if !s.degraded {
		s.degraded = true
		s.health.Degraded(what, err)
	}
	s.pauseAccept()
}
