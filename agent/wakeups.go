// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/agent/source"
)

// The wake-up policy. A wake-up by the kernel costs the datapath some 9 us inside
// the BPF program, more than anything else in the house, but there is no faster way to
// learn of an event. A poll of the reader that nobody asked for costs the
// datapath nothing, and the agent a timer (some 18 us of CPU in a virtual machine) and
// a system call for each client (4 us, the client's wake-up included).
const (
	// A CPU may wake the reader up this often, with bursts of so many. Beyond that
	// its ring gets lazy and the reader comes by itself.
	eagerPerSecond = 250
	eagerBurst     = 16

	// A lazy ring that had less than half of that rate for so long gets eager again.
	quietAfter = 20 * time.Millisecond

	// The time between polls. It grows with the clients that are written to, so
	// that the polls of a reader cost 5 to 7 % of a CPU whatever the number of clients; the latency is as low as
	// that allows. (A timer comes some 80 us late.)
	baseInterval      = 160 * time.Microsecond
	intervalPerClient = 105 * time.Microsecond
	maxInterval       = 2 * time.Millisecond

	// Polls that find fewer events than the first number get rarer, those that find
	// more than the second come at the usual time again.
	notWorthAPoll = 2
	worthAPoll    = 3
)

// wakeups decides when the reader polls the rings, and which of them wake it up.
type wakeups struct {
	rings        []ringWakeups
	lazy         int  // rings in lazy mode
	countsLosses bool // a ring is a source.LossCounter

	// Of the current poll.
	now     time.Time
	records int // found
	clients int // most that were written to at once

	interval time.Duration // until the next poll, if a ring is lazy
	maxWait  time.Duration // until the next poll in any case
}

// ringWakeups is the part of one ring.
type ringWakeups struct {
	fixed   bool // it is always eager
	mode    source.Mode
	credit  float64   // eager: records that may still wake the reader up
	records int       // lazy: found since
	since   time.Time // when credit was last added to, when the count of records began
	errors  int       // in a row
}

func newWakeups(rings []source.Ring) wakeups {
	w := wakeups{rings: make([]ringWakeups, len(rings)), now: time.Now(), maxWait: source.Forever}
	for i := range w.rings {
		_, throttle := rings[i].(source.Throttle)
		if _, ok := rings[i].(source.LossCounter); ok {
			w.countsLosses = true
		}
		w.rings[i] = ringWakeups{fixed: !throttle, mode: source.Eager, credit: eagerBurst, since: w.now}
	}
	return w
}

// timeout returns how long to wait for a wake-up before the next poll.
func (w *wakeups) timeout() time.Duration {
	switch {
	case w.lazy == 0:
		return w.maxWait
	case w.maxWait == source.Forever:
		return w.interval
	default:
		return min(w.interval, w.maxWait)
	}
}

// sleepsShortly tells whether the next poll is a matter of time, not of an event.
func (w *wakeups) sleepsShortly() bool { return w.lazy > 0 }

// beginPoll is called at the beginning of a poll.
func (w *wakeups) beginPoll(now time.Time) {
	w.now = now
	w.records, w.clients = 0, 0
	w.maxWait = source.Forever
}

// read is called for records that were found in ring i.
func (w *wakeups) read(i, records int) {
	w.records += records
	w.rings[i].records += records
}

// wrote is called when so many clients were written to.
func (w *wakeups) wrote(clients int) { w.clients = max(w.clients, clients) }

// endPoll is called at the end of a poll.
func (w *wakeups) endPoll() {
	base := min(baseInterval+time.Duration(max(w.clients, 1))*intervalPerClient, maxInterval)
	switch {
	case w.records < notWorthAPoll:
		w.interval = min(max(2*w.interval, base), maxInterval)
	case w.records > worthAPoll:
		w.interval = base
	default:
		w.interval = max(w.interval, base)
	}
}

// pollWithin has the next poll take place after that time at the latest.
func (w *wakeups) pollWithin(in time.Duration) {
	if w.maxWait == source.Forever || in < w.maxWait {
		w.maxWait = in
	}
}

// mode returns the mode that ring i should have now, and whether that is another one than
// before.
func (w *wakeups) mode(i int) (mode source.Mode, changed bool) {
	r := &w.rings[i]
	if r.fixed {
		return source.Eager, false
	}
	elapsed := w.now.Sub(r.since)
	switch r.mode {
	case source.Eager:
		r.credit = min(r.credit+elapsed.Seconds()*eagerPerSecond, eagerBurst) - float64(r.records)
		r.since, r.records = w.now, 0
		if r.credit < 0 {
			r.mode, changed = source.Lazy, true
			w.lazy++
		}
	case source.Lazy:
		if elapsed < quietAfter {
			break
		}
		if float64(r.records) < elapsed.Seconds()*eagerPerSecond/2 {
			r.mode, changed = source.Eager, true
			r.credit = eagerBurst
			w.lazy--
		}
		r.since, r.records = w.now, 0
	}
	return r.mode, changed
}
