// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxWait bounds every wait for something that is to happen, so that a test which
// waits in vain says what it saw instead before it is killed. It is far longer than
// anything takes on a busy machine.
const maxWait = time.Minute

// errEnded is returned by a wait for events that can't come any more.
var errEnded = errors.New("no more will come")

// recorder keeps what a subscriber got, in order. Its zero value is empty.
type recorder[E any] struct {
	mu      sync.Mutex // guards what follows
	got     []E
	events  uint64
	lost    uint64
	ended   bool
	changed chan struct{} // closed when something comes; nil while nobody waits
}

// event keeps e, which is an event.
func (r *recorder[E]) event(e E) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, e)
	r.events++
	r.notifyLocked()
}

// loss keeps e, which tells of lost events.
func (r *recorder[E]) loss(e E, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, e)
	r.lost += lost
	r.notifyLocked()
}

// end says that nothing will come any more.
func (r *recorder[E]) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	r.notifyLocked()
}

// notifyLocked wakes up who waits. The caller holds r.mu.
func (r *recorder[E]) notifyLocked() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

func (r *recorder[E]) all() []E {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *recorder[E]) counts() (events, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events, r.lost
}

// waitFor waits until n events came, where a loss counts as the events that were lost.
// line describes what came, for the error.
func (r *recorder[E]) waitFor(ctx context.Context, n uint64, line func(E) string) error {
	err := r.wait(ctx, func() bool { return r.events+r.lost >= n })
	if err != nil {
		return fmt.Errorf("wait for %d events: %w; %s", n, err, r.describe(line))
	}
	return nil
}

// waitEnd waits until nothing will come any more.
func (r *recorder[E]) waitEnd(ctx context.Context, line func(E) string) error {
	err := r.wait(ctx, func() bool { return r.ended })
	if err != nil {
		return fmt.Errorf("wait for the end: %w; %s", err, r.describe(line))
	}
	return nil
}

// wait waits until done, which is called with r.mu held, returns true.
func (r *recorder[E]) wait(ctx context.Context, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	for {
		r.mu.Lock()
		if done() {
			r.mu.Unlock()
			return nil
		}
		if r.ended {
			r.mu.Unlock()
			return errEnded
		}
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// describe tells what came, and the last of it in full.
func (r *recorder[E]) describe(line func(E) string) string {
	const last = 5
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "saw %d events and %d lost", r.events, r.lost)
	if len(r.got) > 0 {
		b.WriteString(", at last:")
	}
	for _, e := range r.got[max(0, len(r.got)-last):] {
		b.WriteString("\n\t" + line(e))
	}
	return b.String()
}
