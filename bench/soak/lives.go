// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"sync"
)

// maxErrors is how many are kept.
const maxErrors = 10

// Lives sums up subscribers that came and went.
type Lives struct {
	ByKind  map[string]uint64
	Refused uint64 // of clients: connections closed without a byte
	Sum     Tally

	// Untold is how many events were missing beyond what they were told, in sum, of those for whom
	// nothing else explains it; Excess the most of one that was told of an unknown number, by
	// a notice, or that may have lost the notice among others since it fell behind.
	Untold, Excess uint64

	Restarts uint64   // the most that one saw
	Errors   []string // what must not happen
}

// lives is a Lives that many goroutines add to.
type lives struct {
	mu  sync.Mutex
	sum Lives // guarded by mu
}

func newLives() *lives { return &lives{sum: Lives{ByKind: map[string]uint64{}}} }

// add takes the end of a subscriber of some kind.
func (l *lives) add(kind string, t Tally, refused bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.sum
	s.ByKind[kind]++
	if refused {
		s.Refused++
	}
	s.Sum.add(t)
	if t.Notices == 0 && t.LostInQueue == 0 {
		s.Untold += t.Untold()
	} else {
		s.Excess = max(s.Excess, t.Untold())
	}
	s.Restarts = max(s.Restarts, t.Restarts)
	if err != nil && len(s.Errors) < maxErrors {
		s.Errors = append(s.Errors, fmt.Sprintf("%s: %v", kind, err))
	}
}

// total is how many there were.
func (l Lives) total() (n uint64) {
	for _, lives := range l.ByKind {
		n += lives
	}
	return n
}

func (l *lives) get() Lives {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum
}

// add adds up all but the numbers that are not sums.
func (t *Tally) add(other Tally) {
	t.Traces += other.Traces
	t.Samples += other.Samples
	t.Device += other.Device
	t.User += other.User
	t.Notices += other.Notices
	t.Strange += other.Strange
	t.LostInRing += other.LostInRing
	t.LostInQueue += other.LostInQueue
	t.Missing += other.Missing
	t.Restarts += other.Restarts
	t.Disorder += other.Disorder
}
