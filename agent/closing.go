// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium/monitor/internal/guest"
	"github.com/cilium/monitor/listener"
)

// errNotClosed is what is wrong with a listener whose Close does not return.
var errNotClosed = errors.New("its Close does not return")

// closing is a listener that is removed and not closed yet.
type closing struct {
	listener listener.MonitorListener
	name     string
	closed   chan struct{} // closed when Close has returned

	// Guarded by Agent.Mutex.
	begun    time.Time // when Close was called
	reported bool      // that it does not return
}

// newClosingLocked returns a listener that stop waits for until it is closed. The caller holds
// a.Mutex, and sees to it that beginCloseLocked is called.
func (a *Agent) newClosingLocked(l listener.MonitorListener, name string) *closing {
	c := &closing{listener: l, name: name, closed: make(chan struct{})}
	a.closing = append(a.closing, c)
	a.watchGuestsLocked()
	return c
}

// beginClose calls Close, on a goroutine of its own since it may not return.
func (a *Agent) beginClose(c *closing) {
	a.Lock()
	defer a.Unlock()
	a.beginCloseLocked(c)
}

// beginCloseLocked is beginClose for who holds a.Mutex.
func (a *Agent) beginCloseLocked(c *closing) {
	c.begun = time.Now()
	go func() { // stop waits for it, see waitAllClosed
		defer close(c.closed)
		err := guest.Call(c.listener.Close)
		a.Lock()
		defer a.Unlock()
		a.closing = slices.DeleteFunc(a.closing, func(other *closing) bool { return other == c })
		if c.reported {
			a.log.WithField("listener", c.name).Info("Close of a listener has returned after all")
			a.forgetRemovedLocked(kindListener, c)
		}
		if err != nil {
			a.addRemovedLocked(&removedGuest{kind: kindListener, name: c.name, guest: c.listener, err: fmt.Errorf("in Close: %w", err)})
		}
	}()
}

// refuse closes a listener that is not registered.
func (a *Agent) refuse(l listener.MonitorListener) {
	name := guest.Name(l)
	a.Lock()
	c := a.newClosingLocked(l, name)
	a.beginCloseLocked(c)
	a.Unlock()
	a.waitClosed(c, time.Now().Add(a.drainTimeout))
}

// waitClosed waits until Close has returned, and reports a listener that is not closed by then.
func (a *Agent) waitClosed(c *closing, deadline time.Time) {
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case <-c.closed:
	case <-timeout.C:
		a.Lock()
		defer a.Unlock()
		a.reportNotClosedLocked(c)
	}
}

// waitAllClosed waits for all listeners that are being closed.
func (a *Agent) waitAllClosed(deadline time.Time) {
	a.Lock()
	waiting := slices.Clone(a.closing)
	a.Unlock()
	for _, c := range waiting {
		a.waitClosed(c, deadline)
	}
}

// reportNotClosedLocked reports a listener whose Close does not return. The caller holds a.Mutex.
func (a *Agent) reportNotClosedLocked(c *closing) {
	if c.reported || isClosed(c.closed) {
		return
	}
	c.reported = true
	a.addRemovedLocked(&removedGuest{kind: kindListener, name: c.name, guest: c, err: errNotClosed})
}
