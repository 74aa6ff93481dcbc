// SPDX-License-Identifier: Apache-2.0

package agent

import "sync"

// entry is what waits to be dispatched: a [userEvent] or a [barrier].
type entry interface{ isEntry() }

// userEvent is an event of SendEvent on its way to the subscribers.
type userEvent struct {
	typ   int
	event any
	data  *[]byte // encoded for clients and listeners; nil if it is for consumers only
}

// barrier is called once all entries before it are dispatched.
type barrier func()

func (userEvent) isEntry() {}
func (barrier) isEntry()   {}

// dispatchLock serialises the dispatch of events, so that all subscribers see them in the
// same order. It is a lock with one peculiarity: who sends an event while it is held
// need not wait, but leaves the event with it. That is what lets a consumer
// send events from a callback.
//
// Whoever releases the lock sees to it that entries which were left are dispatched: by the one
// who waits for the lock, or else by a goroutine, which then holds the lock.
type dispatchLock struct {
	mu      sync.Mutex // guards what follows
	free    sync.Cond  // held became false
	held    bool
	waiting int     // goroutines in acquire
	pending []entry // left while held
	limit   int     // user events that may be pending, beside barriers
	closed  bool
}

func (l *dispatchLock) init(limit int) {
	l.free.L = &l.mu
	l.limit = limit
}

// acquire waits for the lock and returns the entries that come first.
func (l *dispatchLock) acquire() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting++
	for l.held {
		l.free.Wait()
	}
	l.waiting--
	l.held = true
	return l.takePendingLocked()
}

// acquireOrSend acquires the lock if it is free, and leaves the event with it otherwise.
//
// Possible errors: [ErrStopped], [ErrQueueFull].
func (l *dispatchLock) acquireOrSend(ev userEvent) (acquired bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return false, ErrStopped
	case l.tryAcquireLocked():
		return true, nil
	case len(l.pending) >= l.limit:
		return false, ErrQueueFull
	}
	l.pending = append(l.pending, ev)
	return false, nil
}

// acquireOrDefer acquires the lock if it is free, and leaves the barrier with it otherwise.
func (l *dispatchLock) acquireOrDefer(b barrier) (acquired bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tryAcquireLocked() {
		return true
	}
	l.pending = append(l.pending, b)
	return false
}

func (l *dispatchLock) tryAcquireLocked() bool {
	if l.held || l.waiting > 0 {
		return false
	}
	l.held = true
	return true
}

// release releases the lock, unless entries were left and nobody else waits for it: then
// the caller keeps the lock, gets the entries, and has to dispatch them.
func (l *dispatchLock) release() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > 0 && l.waiting == 0 {
		return l.takePendingLocked()
	}
	l.held = false
	l.free.Broadcast()
	return nil
}

// close refuses events from now on.
func (l *dispatchLock) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// waitIdle waits until nobody holds the lock and everything that was left is dispatched.
func (l *dispatchLock) waitIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held || len(l.pending) > 0 {
		l.free.Wait()
	}
}

func (l *dispatchLock) takePendingLocked() []entry {
	pending := l.pending
	l.pending = nil
	return pending
}
