// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/consumer"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/internal/guest"
	"github.com/cilium/monitor/listener"
)

// subscription is a subscriber's place in the list.
type subscription[S comparable] struct {
	subscriber S
	name       string
	class      int // of demand; none of a server
	since      time.Time
	gone       atomic.Bool // removed: it gets nothing any more

	batches consumer.BatchConsumer // the subscriber, if it is one; else nil

	delivered uint64        // events, counted by who holds the dispatch lock
	published atomic.Uint64 // delivered at the end of the last batch

	times callTimes // of a guest
}

// subscribers is a list that is read without a lock and replaced on change, so that
// a callback can change it while it is being gone through. Changes are made by who holds
// Agent.Mutex.
type subscribers[S comparable] struct {
	list atomic.Pointer[[]*subscription[S]]

	// Of guests.
	kind    guestKind
	missing atomic.Pointer[[]*removedGuest] // those that the agent removed, which miss events since
}

// all yields each subscriber that was there at the start and still is.
func (s *subscribers[S]) all(yield func(S) bool) {
	for sub := range s.subscriptions {
		if !yield(sub.subscriber) {
			return
		}
	}
}

// subscriptions yields their places in the list.
func (s *subscribers[S]) subscriptions(yield func(*subscription[S]) bool) {
	list := s.list.Load()
	if list == nil {
		return
	}
	for _, sub := range *list {
		if !sub.gone.Load() && !yield(sub) {
			return
		}
	}
}

// publishLocked publishes the numbers of events that subscribers got. The caller holds the
// dispatch lock.
func (s *subscribers[S]) publishLocked() {
	for sub := range s.subscriptions {
		sub.published.Store(sub.delivered)
	}
}

// concerned tells whether an event concerns any of them: also those that the agent removed miss it.
func (s *subscribers[S]) concerned() bool { return s.len() > 0 || s.missing.Load() != nil }

func (s *subscribers[S]) len() int {
	list := s.list.Load()
	if list == nil {
		return 0
	}
	return len(*list)
}

func (s *subscribers[S]) index(subscriber S) int {
	list := s.list.Load()
	if list == nil {
		return -1
	}
	return slices.IndexFunc(*list, func(sub *subscription[S]) bool { return sub.subscriber == subscriber })
}

// addLocked adds a subscriber that is not there, with a name for people, and of a class of demand. The
// caller holds Agent.Mutex.
func (s *subscribers[S]) addLocked(subscriber S, name string, class int) {
	var list []*subscription[S]
	if old := s.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	added := &subscription[S]{subscriber: subscriber, name: name, class: class, since: time.Now()}
	added.batches, _ = any(subscriber).(consumer.BatchConsumer)
	list = append(list, added)
	s.list.Store(&list)
}

// removeLocked removes a subscriber, and returns whether it was there. The caller holds Agent.Mutex.
func (s *subscribers[S]) removeLocked(subscriber S) bool {
	i := s.index(subscriber)
	if i < 0 {
		return false
	}
	list := slices.Clone(*s.list.Load())
	list[i].gone.Store(true)
	list = slices.Delete(list, i, i+1)
	s.list.Store(&list)
	return true
}

// RegisterNewConsumer adds a consumer. If the agent is attached and this is the
// first subscriber, the perf ring buffers are open once it returns: the consumer gets
// every event that the datapath writes from then on, or those that it wants if it is
// [interest.Interested].
//
// A consumer that is registered already, that comes after the agent was stopped, whose
// dynamic type is not comparable, or whose interest is one too many ([ErrTooManyInterests]), is
// ignored.
func (a *Agent) RegisterNewConsumer(newConsumer consumer.MonitorConsumer) {
	if a == nil || newConsumer == nil {
		return
	}
	if !reflect.ValueOf(newConsumer).Comparable() {
		a.log.Errorf("Ignoring a consumer of type %T: it can't be told apart from others", newConsumer)
		return
	}
	name := guest.Name(newConsumer)
	wants, err := interestOf(newConsumer)
	a.Lock()
	defer a.Unlock()
	if err == nil {
		err = addGuestLocked(a, &a.consumers, newConsumer, name, wants)
	}
	if err != nil {
		a.log.WithError(err).WithField("consumer", name).Error("Ignoring a consumer")
	}
}

// interestOf asks a guest what it wants.
func interestOf(subscriber any) (wants interest.Interest, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("ask it what it wants: %w", guest.Recovered(r))
		}
	}()
	return interest.Of(subscriber), nil
}

// addGuestLocked adds a consumer or listener, unless it is there already or the agent stops. The caller
// holds a.Mutex.
//
// Possible errors: [ErrTooManyInterests].
func addGuestLocked[S comparable](a *Agent, s *subscribers[S], subscriber S, name string, wants interest.Interest) error {
	if a.stopping || a.ctx.Err() != nil || s.index(subscriber) >= 0 {
		return nil
	}
	class, err := a.demand.enterLocked(wants)
	if err != nil {
		return err
	}
	s.addLocked(subscriber, name, class)
	a.forgetRemovedLocked(s.kind, subscriber)
	*a.totalSubscribers.of(s.kind)++
	a.watchGuestsLocked()
	a.startReadersLocked()
	return nil
}

// RemoveConsumer removes a consumer. If it was the last subscriber, the perf ring
// buffers are unmapped once it returns, and the datapath writes no more.
//
// Nothing is delivered to the consumer after that, except the event that another goroutine
// may be about to deliver at that moment.
func (a *Agent) RemoveConsumer(mc consumer.MonitorConsumer) {
	if a == nil || mc == nil {
		return
	}
	a.Lock()
	defer a.Unlock()
	a.forgetRemovedLocked(kindConsumer, mc)
	if removeGuestLocked(a, &a.consumers, mc) != nil {
		a.stopReadersIfUnusedLocked()
	}
}

// RegisterNewListener adds a listener, as RegisterNewConsumer adds a consumer. A
// listener of a version other than [listener.Version1_2], and one that RegisterNewConsumer would
// ignore, is closed instead, unless it is registered already.
func (a *Agent) RegisterNewListener(newListener listener.MonitorListener) {
	if a == nil || newListener == nil {
		return
	}
	if !reflect.ValueOf(newListener).Comparable() {
		a.log.Errorf("Closing a listener of type %T: it can't be told apart from others", newListener)
		a.refuse(newListener)
		return
	}
	if v := newListener.Version(); v != listener.Version1_2 {
		a.log.WithField("version", v).Error("Closing a listener of an unsupported version")
		a.refuse(newListener)
		return
	}
	name := guest.Name(newListener)
	wants, err := interestOf(newListener)
	a.Lock()
	if err == nil {
		err = addGuestLocked(a, &a.listeners, newListener, name, wants)
	}
	refused := a.listeners.index(newListener) < 0 // one that is registered is closed by whoever stops the agent
	a.Unlock()
	if err != nil {
		a.log.WithError(err).WithField("listener", name).Error("Closing a listener")
	}
	if refused {
		a.refuse(newListener)
	}
}

// RemoveListener removes a listener, as RemoveConsumer removes a consumer, and closes it.
// Close never runs beside Enqueue, nor before it: if events are being distributed, the
// listener is closed after them. Otherwise RemoveListener waits for Close, but no longer than
// the drain time-out: see [WithDrainTimeout].
func (a *Agent) RemoveListener(ml listener.MonitorListener) {
	if a == nil || ml == nil {
		return
	}
	if c := a.forget(ml); c != nil && a.afterPending(func() { a.beginClose(c) }) {
		a.waitClosed(c, time.Now().Add(a.drainTimeout))
	}
}

// forget removes a listener from the list, and returns how it is to be closed, nil if it was not
// there.
func (a *Agent) forget(ml listener.MonitorListener) *closing {
	a.Lock()
	defer a.Unlock()
	a.forgetRemovedLocked(kindListener, ml)
	removed := removeGuestLocked(a, &a.listeners, ml)
	if removed == nil {
		return nil
	}
	a.stopReadersIfUnusedLocked()
	return a.newClosingLocked(ml, removed.name)
}

// subscribedLocked tells whether anybody wants events. The caller holds a.Mutex.
func (a *Agent) subscribedLocked() bool {
	return a.history != nil || a.consumers.len() > 0 || a.encodes()
}

// encodes tells whether anybody wants events encoded.
func (a *Agent) encodes() bool {
	return a.history != nil || a.listeners.len() > 0 || a.streams.len() > 0 || a.connections.Load() > 0
}
