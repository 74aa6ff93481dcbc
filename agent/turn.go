// SPDX-License-Identifier: Apache-2.0

package agent

import "sync"

// sent is an event of SendEvent on its way to the subscribers, or something to be done behind
// the events before it.
type sent struct {
	typ   int
	event any
	data  *[]byte // encoded for clients and listeners; nil if there were none

	then func() // nil for an event
}

// turn serialises the distribution of events, so that all subscribers see them in the
// same order. It is a lock with one peculiarity: who sends an event while it is taken
// need not wait, but leaves the event with it. That is what lets a consumer
// send events from a callback.
//
// Whoever gives the turn back sees to it that events which were left get
// distributed: by the one who waits for the turn, or else by a goroutine.
type turn struct {
	mu      sync.Mutex // guards what follows
	free    sync.Cond  // taken became false
	taken   bool
	waiting int    // goroutines in take
	left    []sent // sent while taken
	most    int    // events in left
	closed  bool
}

func (t *turn) init(most int) {
	t.free.L = &t.mu
	t.most = most
}

// take waits for the turn and returns the events that come first.
func (t *turn) take() []sent {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting++
	for t.taken {
		t.free.Wait()
	}
	t.waiting--
	t.taken = true
	return t.takeLeft()
}

// takeOrLeave takes the turn if it is free, and leaves the event with it otherwise. What is
// not an event is never refused.
func (t *turn) takeOrLeave(ev sent) (taken bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed && ev.then == nil:
		return false, ErrStopped
	case !t.taken && t.waiting == 0:
		t.taken = true
		return true, nil
	case len(t.left) >= t.most && ev.then == nil:
		return false, ErrQueueFull
	}
	t.left = append(t.left, ev)
	return false, nil
}

// give gives the turn back, unless events were left and nobody else waits for it: then
// the caller keeps the turn, gets the events, and has to distribute them.
func (t *turn) give() []sent {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.left) > 0 && t.waiting == 0 {
		return t.takeLeft()
	}
	t.taken = false
	t.free.Broadcast()
	return nil
}

// close refuses events from now on, and waits until those accepted are distributed.
func (t *turn) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for t.taken || len(t.left) > 0 {
		t.free.Wait()
	}
}

func (t *turn) takeLeft() []sent {
	left := t.left
	t.left = nil
	return left
}
