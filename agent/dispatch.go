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

	// notice is set for one that clients and streams get whatever they want.
	notice bool
}

// barrier is called once all entries before it are dispatched.
type barrier func()

func (userEvent) isEntry() {}
func (barrier) isEntry()   {}

// size returns the bytes of memory that the encoded event takes.
func (ev *userEvent) size() int {
	if ev.data == nil {
		return 0
	}
	return cap(*ev.data)
}

// dispatchLock serialises the dispatch of events, so that all subscribers see them in the
// same order. Who waits for it gets it in the order of asking, so that no source keeps out
// another one. It has one peculiarity: who sends an event while it is held
// need not wait, but leaves the event with it. That is what lets a consumer
// send events from a callback.
//
// Whoever releases the lock sees to it that entries which were left are dispatched: by the one
// who waits for the lock, or else by a goroutine, which then holds the lock.
type dispatchLock struct {
	mu       sync.Mutex // guards what follows
	changed  sync.Cond  // released was added to
	asked    uint64     // how often the lock was asked for, by acquire or with success
	released uint64     // how often it was released; the lock is held while asked is more
	pending  []entry    // left while held
	events   int        // user events among these
	limit    int        // of events
	closed   bool

	// Bytes of memory that user events take: those pending, and those that whoever holds the
	// lock has taken to deliver them. A single event is never too large.
	pendingBytes, takenBytes int
	limitBytes               int
}

func (l *dispatchLock) init(limit, limitBytes int) {
	l.changed.L = &l.mu
	l.limit, l.limitBytes = limit, limitBytes
}

// acquire waits for the lock and returns the entries that come first.
func (l *dispatchLock) acquire() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.asked
	l.asked++
	for l.released != before {
		l.changed.Wait()
	}
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
	case l.events >= l.limit || !l.hasRoomLocked(ev.size()):
		return false, ErrQueueFull
	}
	l.leaveLocked(ev)
	return false, nil
}

// leave acquires the lock, with the event left with it, if it is free, and leaves the event with
// who holds it otherwise. It does so beyond the limits: there are few such events.
func (l *dispatchLock) leave(ev userEvent) (acquired bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.leaveLocked(ev)
	return l.tryAcquireLocked()
}

func (l *dispatchLock) leaveLocked(ev userEvent) {
	l.pending = append(l.pending, ev)
	l.events++
	l.pendingBytes += ev.size()
}

// hasRoomLocked tells whether another event of n bytes may be pending.
func (l *dispatchLock) hasRoomLocked(n int) bool {
	before := l.pendingBytes + l.takenBytes
	return before == 0 || before+n <= l.limitBytes
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
	if l.asked != l.released {
		return false
	}
	l.asked++
	return true
}

// release releases the lock, unless entries were left and nobody else waits for it: then
// the caller keeps the lock, gets the entries, and has to dispatch them.
func (l *dispatchLock) release() []entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takenBytes = 0
	if waited := l.asked > l.released+1; len(l.pending) > 0 && !waited {
		return l.takePendingLocked()
	}
	l.released++
	l.changed.Broadcast()
	return nil
}

// turns returns how often the lock was asked for until now.
func (l *dispatchLock) turns() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// over tells whether all have released the lock who had asked for it when turns returned that.
func (l *dispatchLock) over(turns uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.released >= turns
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
	for l.asked != l.released || len(l.pending) > 0 {
		l.changed.Wait()
	}
}

func (l *dispatchLock) takePendingLocked() []entry {
	pending := l.pending
	l.pending, l.events = nil, 0
	l.takenBytes, l.pendingBytes = l.pendingBytes, 0
	return pending
}
