// SPDX-License-Identifier: Apache-2.0

// Package wakeup decides when a reader looks into its rings, and which of them wake it up. It has no clock
// and does nothing: it is told the time and what was found, and says what to do.
//
// A wake-up costs the datapath some 8 us inside the BPF program and the reader some 25 us of CPU. A poll,
// which is a look of the reader's own, costs the datapath nothing, and the reader some 18 us: nearly all of
// that is the kernel's sleep. What is found costs less than either.
//
// So a ring is armed while it is quiet: the first record of a burst wakes the reader up. Whether the reader
// arms it again at once, or polls until it finds nothing, depends on whether polls like that have found
// something lately. Armed or polled, a record waits no longer than the maximal delay.
//
//	         a record                 found something
//	armed ─────────────> woken ──┬──────────────────────> polled ──┐
//	  ^                          │ polls would find nothing   ^     │ found something
//	  ├──────────────────────────┘                            └─────┤ budget used up
//	  └─────────────────────────────────────────────────────────────┘
//	                      found nothing
package wakeup

import (
	"slices"
	"time"

	"github.com/cilium/monitor/agent/source"
)

const (
	// A timer comes some 20 us late, seldom more than this.
	lateness = 50 * time.Microsecond

	// A program that was interrupted between looking into the events map and writing may
	// have written without waking anybody up, after its ring was armed and looked at. That hardly ever
	// happens, so the ring is looked at again only after so long, if not before for another reason.
	settleAfter = 10 * time.Millisecond

	// While polls take place for the sake of other rings, looking into one more costs a miss of the
	// cache, a 300th of a wake-up.
	idlePolls = 128

	// Wake-ups may cost half as much as polling at the interval does. So many may come at once.
	budgetShare = 0.5
	budgetBurst = 32

	// A ring that had one record in each of so many wake-ups has no bursts.
	singles = 8

	// How fast the chance that a poll finds something is learnt.
	learning = 0.25
)

// Change is the mode that a ring is to have.
type Change struct {
	Ring int
	Mode source.Mode
}

// Policy is the policy for the rings of one source. A visit of the reader is Begin, Found for what it reads,
// More, and End. Times are since any moment.
type Policy struct {
	interval time.Duration
	rings    []ring
	polled   []int    // rings that are Lazy
	settling []settle // in the order of their times, nearly

	// chance is how likely a poll after a wake-up finds something, from 0 to 1. asking tells
	// whether the visit at asked was one that such a poll could follow, and may still do.
	chance float64
	asked  time.Duration
	asking bool

	took time.Duration // the longest of the last visits

	budget   float64 // wake-ups that there may be; below 0 if there were more
	filledAt time.Duration

	// Of the current visit.
	visit   uint64        // its number
	now     time.Duration // when it began
	look    []int
	changes []Change
	records int
	wokenUp bool // by a ring that was armed
	polls   bool // rings that woke the reader up are polled from now on
}

type ring struct {
	fixed    bool // its mode can't be changed
	mode     source.Mode
	settleAt time.Duration // when it is to be looked at again though it is armed
	alone    int           // wake-ups in a row that found one record
	idle     int           // polls in a row that found nothing

	// Of the visit of that number.
	visit uint64
	woken bool // it was armed, and woke the reader up
	found int
	more  bool
}

// settle is when to look into a ring that was armed.
type settle struct {
	ring int
	at   time.Duration // not that of the ring: it was armed again since
}

// New returns the policy for rings that are eager; the mode of those that are not throttled can't be
// changed. maxDelay is how long a record may wait in a ring.
func New(throttled []bool, maxDelay time.Duration) *Policy {
	p := &Policy{
		interval: Interval(maxDelay),
		rings:    make([]ring, len(throttled)),
		chance:   1,
		budget:   budgetBurst,
	}
	for i, ok := range throttled {
		p.rings[i].fixed = !ok
	}
	return p
}

// Interval returns the time between polls that has a record wait no longer than maxDelay, though timers are
// late, and though visits to those that come before it get longer.
func Interval(maxDelay time.Duration) time.Duration {
	return maxDelay - min(lateness+maxDelay/32, maxDelay/2)
}

// Rings returns the number of rings.
func (p *Policy) Rings() int { return len(p.rings) }

// Begin begins a visit, with the rings that woke the reader up. It returns the rings to look into, and the
// modes that some are to have before that; both are valid until the next call.
func (p *Policy) Begin(now time.Duration, woken []int) (look []int, changes []Change) {
	p.visit++
	p.now, p.records, p.wokenUp = now, 0, false
	p.look, p.changes = p.look[:0], p.changes[:0]
	p.budget = min(p.budget+budgetShare*float64(now-p.filledAt)/float64(p.interval), budgetBurst)
	p.filledAt = now
	for _, i := range p.polled {
		p.add(i)
	}
	for len(p.settling) > 0 && p.settling[0].at <= now {
		p.add(p.settling[0].ring)
		p.settling = slices.Delete(p.settling, 0, 1)
	}
	for _, i := range woken {
		r := p.add(i)
		if r.fixed || r.mode == source.Lazy {
			continue
		}
		r.woken, p.wokenUp = true, true
		p.budget = max(p.budget-1, -budgetBurst)
	}
	p.polls = p.chance >= 0.5 || p.budget < 0
	for _, i := range p.look {
		// Before the rest of a burst wakes the reader up as well.
		if r := &p.rings[i]; r.woken && (p.polls || r.mode == source.Once) {
			p.set(i, source.Lazy)
		}
	}
	return p.look, p.changes
}

// add adds a ring to those that this visit looks into.
func (p *Policy) add(i int) *ring {
	r := &p.rings[i]
	if r.visit != p.visit {
		r.visit, r.woken, r.found, r.more = p.visit, false, 0, false
		p.look = append(p.look, i)
	}
	return r
}

// Found is called for records that were found in a ring.
func (p *Policy) Found(i, records int) {
	p.records += records
	p.rings[i].found += records
}

// Records returns how many records the current visit has found.
func (p *Policy) Records() int { return p.records }

// PollsAgain tells whether a poll follows upon the current visit, at the interval: a ring that is polled had something.
func (p *Policy) PollsAgain() bool {
	return slices.ContainsFunc(p.look, func(i int) bool {
		r := &p.rings[i]
		return r.mode == source.Lazy && r.found > 0 && (p.polls || !r.woken)
	})
}

// More is called for a ring that has something again when it has been read.
func (p *Policy) More(i int) { p.rings[i].more = true }

// End ends a visit. It returns the modes that rings are to have; they are valid until the next call.
func (p *Policy) End(now time.Duration) []Change {
	p.changes = p.changes[:0]
	p.took = max(now-p.now, p.took-p.took/16)
	p.learn()
	busy := false // a ring is worth polling
	for _, i := range p.look {
		r := &p.rings[i]
		if r.woken {
			r.alone++
			if r.found > 1 || r.more {
				r.alone = 0
			}
		}
		switch {
		case r.fixed:
		case r.woken && (p.polls || r.more): // or the burst goes on
			p.poll(i)
			busy = true
		case r.woken:
			p.arm(i)
		case r.mode == source.Lazy && (r.found > 0 || r.more):
			r.idle, busy = 0, true
		case r.mode == source.Lazy:
			r.idle++
		case r.found > 0: // it woke up nobody
			p.arm(i)
		}
	}
	enough := 1
	if busy {
		enough = idlePolls
	}
	still := p.polled[:0]
	for _, i := range p.polled {
		if p.rings[i].idle >= enough && p.budget >= 1 {
			p.arm(i)
		} else {
			still = append(still, i)
		}
	}
	p.polled = still
	return p.changes
}

// learn learns from the current visit whether polls find something that follow upon a wake-up.
func (p *Policy) learn() {
	since := p.now - p.asked
	switch {
	case !p.asking:
	case p.records > 0 && since <= p.interval+lateness:
		p.chance += learning * (1 - p.chance)
		p.asking = false
	case p.records > 0 || since >= p.interval:
		p.chance -= learning * p.chance
		p.asking = false
	}
	if p.wokenUp {
		p.asked, p.asking = p.now, true
	}
}

// set has a ring change its mode.
func (p *Policy) set(i int, mode source.Mode) {
	p.rings[i].mode = mode
	p.changes = append(p.changes, Change{Ring: i, Mode: mode})
}

// poll has a ring be polled that was not.
func (p *Policy) poll(i int) {
	if p.rings[i].mode != source.Lazy {
		p.set(i, source.Lazy)
	}
	p.rings[i].idle = 0
	p.polled = append(p.polled, i)
}

// arm has a ring wake the reader up.
func (p *Policy) arm(i int) {
	r := &p.rings[i]
	mode := source.Once
	if r.alone >= singles {
		mode = source.Eager
	}
	if r.mode == source.Eager && mode == source.Eager {
		return
	}
	p.set(i, mode)
	r.settleAt = p.now + settleAfter
	p.settling = append(p.settling, settle{ring: i, at: r.settleAt})
}

// Missed is called for a ring that has something after it was armed: it may wake up nobody for that.
func (p *Policy) Missed(i int) {
	p.rings[i].settleAt = p.now
	p.settling = slices.Insert(p.settling, 0, settle{ring: i, at: p.now})
}

// Refused is called for a ring whose mode could not be changed: it is polled.
func (p *Policy) Refused(i int) {
	if r := &p.rings[i]; r.mode != source.Lazy {
		r.mode, r.idle = source.Lazy, 0
		p.polled = append(p.polled, i)
	}
}

// NextPoll returns when the next visit has to take place if no ring wakes the reader up before, and false
// if none has to.
func (p *Policy) NextPoll() (at time.Duration, ok bool) {
	for len(p.settling) > 0 { // without those that were armed again, or are polled
		s := p.settling[0]
		if r := &p.rings[s.ring]; r.settleAt == s.at && r.mode != source.Lazy {
			break
		}
		p.settling = slices.Delete(p.settling, 0, 1)
	}
	if len(p.polled) > 0 {
		// A ring that comes first in one visit may come last in the next one.
		return p.now + max(p.interval-p.took, p.interval/2), true
	}
	if len(p.settling) > 0 {
		return p.settling[0].at, true
	}
	return 0, false
}
