// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/internal/unixsocket"
	"github.com/cilium/monitor/listener"
)

// open makes what the server needs to serve.
func (s *server) open() (err error) {
	if s.poller, err = epoll.New(); err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return errors.Join(err, s.poller.Close())
	}
	s.byFd = make(map[int]*conn)
	s.allowances = make(allowances)
	s.checkAt = time.Now().Add(checkInterval)
	return nil
}

// listen makes the socket.
func (s *server) listen() error {
	socket, err := unixsocket.Listen(s.path, unixsocket.Options{Mode: socketMode, Group: SocketGroup})
	if err != nil {
		return err
	}
	if err := s.poller.Add(socket.FD(), unix.EPOLLIN); err != nil {
		return errors.Join(err, socket.Close())
	}
	s.socket = socket
	return nil
}

// checkSocket looks now and then whether the socket is still to be found at its path. If somebody
// has removed it, another one is made; clients that are connected do not notice.
func (s *server) checkSocket() {
	now := time.Now()
	if now.Before(s.checkAt) {
		return
	}
	s.checkAt = now.Add(checkInterval)
	if s.conns.len() > 0 && s.version == listener.Version1_3 {
		s.updateDictionary()
		s.ticks.Add(1)
		s.flush() // some may have come to the time up to which they want events
	}
	switch err := s.ensureSocket(); {
	case err == nil && s.missing:
		s.missing = false
		s.agent.log.WithField("path", s.path).Infof("Serving the monitor API %s again", s.version)
		s.reportServing()
	case err != nil && !s.missing:
		s.missing = true
		s.reportFailed("The socket of the monitor API is not at its path any more", err)
	}
}

// ensureSocket makes another socket if the one there was is not at its path. What is there instead
// stays; the error says what that is, or why there can't be a socket.
func (s *server) ensureSocket() error {
	if s.socket != nil && s.socket.InPlace() {
		return nil
	}
	if err := unixsocket.Check(s.path); err != nil {
		return err
	}
	s.missing = true
	s.acceptAt = time.Time{}
	if err := s.closeListener(); err != nil {
		s.agent.log.WithError(err).Warn("Closing the socket of the monitor API that was removed failed")
	}
	return s.listen()
}
