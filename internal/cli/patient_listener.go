// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
)

const (
	// acceptPause is how long no connection is accepted after that failed.
	acceptPause = 100 * time.Millisecond

	// acceptLogInterval is how often it is logged at most that accepting fails.
	acceptLogInterval = time.Minute
)

// deadlineListener is what listeners on TCP and unix sockets are.
type deadlineListener interface {
	net.Listener
	SetDeadline(time.Time) error
}

// patientListener goes on when accepting a connection fails, for want of file descriptors for
// example: its Accept fails only once it is closed. Only one goroutine may accept.
type patientListener struct {
	deadlineListener
	what   string // that is being served
	log    logrus.FieldLogger
	health cell.Health

	failing  bool
	loggedAt time.Time

	closeOnce sync.Once
	closed    chan struct{}
}

func newPatientListener(l deadlineListener, what string, log logrus.FieldLogger, health cell.Health) *patientListener {
	p := &patientListener{deadlineListener: l, what: what, log: log, health: health, closed: make(chan struct{})}
	p.reportServing()
	return p
}

func (l *patientListener) reportServing() {
	l.failing = false
	l.health.OK("Serving " + l.what)
}

func (l *patientListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.deadlineListener.Accept()
		switch {
		case err == nil:
			l.recovered()
			return conn, nil
		case errors.Is(err, os.ErrDeadlineExceeded): // accepting works: it waited
			l.recovered()
			continue
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		l.reportFailed(err)
		select {
		case <-l.closed:
		case <-time.After(acceptPause):
		}
		l.setDeadline(time.Now().Add(acceptPause))
	}
}

// recovered reports that accepting works, if it did not.
func (l *patientListener) recovered() {
	if l.failing {
		l.setDeadline(time.Time{})
		l.reportServing()
	}
}

// setDeadline fails only for a listener that is closed, which Accept tells.
func (l *patientListener) setDeadline(t time.Time) { _ = l.SetDeadline(t) }

func (l *patientListener) reportFailed(err error) {
	const text = "Accepting connections failed"
	l.failing = true
	l.health.Degraded(text, err)
	if now := time.Now(); l.loggedAt.IsZero() || now.Sub(l.loggedAt) >= acceptLogInterval {
		l.loggedAt = now
		l.log.WithError(err).WithField("serving", l.what).Error(text + "; it is tried again")
	}
}

func (l *patientListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.deadlineListener.Close()
}
