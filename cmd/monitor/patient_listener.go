// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/cilium/hive/cell"
	"github.com/sirupsen/logrus"
)

// acceptPause is how long no connection is accepted after that failed.
const acceptPause = 100 * time.Millisecond

// patientListener goes on when accepting a connection fails, for want of file descriptors for
// example: its Accept fails only once it is closed. Only one goroutine may accept.
type patientListener struct {
	net.Listener
	what    string // that is being served
	log     rareLog
	health  cell.Health
	failing bool

	closeOnce sync.Once
	closed    chan struct{}
}

func newPatientListener(l net.Listener, what string, log logrus.FieldLogger, health cell.Health) *patientListener {
	p := &patientListener{Listener: l, what: what, log: rareLog{log: log}, health: health, closed: make(chan struct{})}
	p.reportServing()
	return p
}

func (l *patientListener) reportServing() {
	l.failing = false
	l.health.OK("Serving " + l.what)
}

func (l *patientListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		switch {
		case err == nil:
			if l.failing {
				l.reportServing()
			}
			return conn, nil
		case errors.Is(err, net.ErrClosed):
			return nil, err
		}
		l.reportFailed(err)
		select {
		case <-l.closed:
		case <-time.After(acceptPause):
		}
	}
}

func (l *patientListener) reportFailed(err error) {
	const text = "Accepting connections failed"
	l.failing = true
	l.health.Degraded(text, err)
	l.log.Println(text+", it is tried again: "+l.what+":", err)
}

func (l *patientListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
