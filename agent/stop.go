// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// stop ends everything, once the context is cancelled: the source, then what is on its
// way, then those who get it.
func (a *Agent) stop() {
	defer close(a.done)

	a.Lock()
	a.stopping = true
	r := a.reader
	a.Unlock()
	if r != nil {
		r.drainAndStop()
		<-r.ended
	}
	a.turn.close()
	a.goroutines.Wait()

	deadline := time.Now().Add(a.drainTimeout)
	for s := range a.servers.all {
		s.stop(deadline)
	}
	for s := range a.servers.all {
		<-s.ended
	}
	for l := range a.listeners.all {
		a.RemoveListener(l)
	}
	a.goroutines.Wait()

	a.Lock()
	defer a.Unlock()
	a.reader = nil
	if a.health != nil {
		a.health.Stopped("The agent is stopped")
	}
	if a.eventsMap != nil {
		a.eventsMap.Close()
		a.eventsMap = nil
	}
}
