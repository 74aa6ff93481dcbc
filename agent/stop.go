// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// stop ends everything, once the context is cancelled: the source, then what is on its
// way, then those who get it.
func (a *Agent) stop() {
	defer close(a.done)

	for _, at := range a.beginStop() {
		at.readers.Wait()
	}
	a.dispatch.close()
	a.dispatch.waitIdle()
	close(a.finished)

	deadline := time.Now().Add(a.drainTimeout)
	for s := range a.servers.all {
		s.stop(deadline)
	}
	for s := range a.servers.all {
		<-s.ended
	}
	for l := range a.listeners.all {
		if c := a.forget(l); c != nil {
			a.afterPending(func() { a.beginClose(c) })
		}
	}
	a.dispatch.waitIdle()
	a.waitAllClosed(time.Now().Add(a.drainTimeout))
	a.stopWatching()
	a.closeSources()
}

// beginStop makes all readers end, with what the datapath wrote until now delivered, and
// returns all that is attached.
func (a *Agent) beginStop() []*attachment {
	a.Lock()
	defer a.Unlock()
	a.stopping = true
	for _, at := range a.attachments {
		if at.reader != nil {
			at.reader.drainAndStop()
		}
	}
	return a.attachments
}

// closeSources closes all sources, whose readers have ended.
func (a *Agent) closeSources() {
	a.Lock()
	var detaching []chan struct{}
	for _, at := range a.attachments {
		at.reader = nil
		if at.detaching != nil {
			detaching = append(detaching, at.detaching)
			continue
		}
		at.detaching = make(chan struct{})
		a.removeLocked(at)
	}
	a.Unlock()
	for _, detached := range detaching {
		<-detached
	}
	a.Lock()
	defer a.Unlock()
	if a.guests.health != nil && len(a.closing) == 0 {
		a.guests.health.Close()
	}
	a.health.Stopped("The agent is stopped")
}
