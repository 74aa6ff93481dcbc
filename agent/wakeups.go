// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/cilium/monitor/agent/internal/epoll"
	"github.com/cilium/monitor/agent/internal/perfring"
)

// The wake-up policy. A wake-up by the kernel costs the datapath some 9 us inside
// the BPF program, more than anything else in the house, but there is no faster way to
// learn of an event. A visit of the reader that nobody asked for costs the
// datapath nothing, and the agent a timer and one system call for each client.
const (
	// A CPU may wake the reader up this often, with bursts of so many. Beyond that
	// its ring gets lazy and the reader comes by itself. At this rate wake-ups take
	// 1 % of the CPU.
	eagerPerSecond = 1000
	eagerBurst     = 16

	// A lazy ring that had less than half of that rate for so long gets eager again.
	quietAfter = 20 * time.Millisecond

	// The time between visits is so many times what a visit takes, with all the
	// clients that it writes to, so that visits cost some 4 % of a CPU whatever
	// the number of clients, and the latency is as low as that allows. minRest stands
	// for what sleeping and being woken up costs besides.
	restPerVisit = 25
	minRest      = 100 * time.Microsecond

	// Visits that find fewer events than this get rarer, up to maxRest.
	worthAVisit = 4
	maxRest     = 2 * time.Millisecond
)

// wakeups decides when the reader visits the rings, and which of them wake it up.
type wakeups struct {
	rings []ringWakeups
	lazy  int // rings in lazy mode

	start   time.Time     // of the visit
	records int           // found in it
	visit   time.Duration // what a visit that finds something takes
	visits  int           // such visits since that was last measured
	least   time.Duration // that one of them took
	rest    time.Duration // until the next visit, if a ring is lazy
	atOnce  bool          // the next visit follows at once
	now     time.Time     // end of the last visit
}

// ringWakeups is the part of one ring.
type ringWakeups struct {
	mode    perfring.Mode
	credit  float64   // eager: records that may still wake the reader up
	records int       // lazy: found since
	since   time.Time // when credit was last added to, when the count of records began
}

func newWakeups(rings int) wakeups {
	w := wakeups{rings: make([]ringWakeups, rings), now: time.Now()}
	for i := range w.rings {
		w.rings[i] = ringWakeups{mode: perfring.Eager, credit: eagerBurst, since: w.now}
	}
	return w
}

// timeout returns how long to wait for a wake-up before the next visit.
func (w *wakeups) timeout() time.Duration {
	switch {
	case w.atOnce:
		return 0
	case w.lazy == 0:
		return epoll.Forever
	default:
		return w.rest
	}
}

// sleepsShortly tells whether the next visit is a matter of time, not of an event.
func (w *wakeups) sleepsShortly() bool { return w.lazy > 0 }

// begin is called at the beginning of a visit.
func (w *wakeups) begin(now time.Time) {
	w.start = now
	w.records = 0
	w.atOnce = false
}

// read is called for records that were found in ring i.
func (w *wakeups) read(i, records int) {
	w.records += records
	w.rings[i].records += records
}

// end is called at the end of a visit.
func (w *wakeups) end(now time.Time) {
	w.now = now
	if w.records > 0 {
		w.measure(now.Sub(w.start))
	}
	base := min(minRest+restPerVisit*w.visit, maxRest)
	if w.records < worthAVisit {
		w.rest = min(max(2*w.rest, base), maxRest)
	} else {
		w.rest = base
	}
}

// measure takes the shortest visit of a number of them: others were preempted, or found
// a burst, which says nothing about what a visit costs.
func (w *wakeups) measure(took time.Duration) {
	const window = 16
	if w.visits == 0 || took < w.least {
		w.least = took
	}
	if w.visits++; w.visits == window || w.visit == 0 {
		w.visit, w.visits = w.least, 0
	}
}

// again makes the next visit follow at once.
func (w *wakeups) again() { w.atOnce = true }

// mode returns the mode that ring i should have now.
func (w *wakeups) mode(i int) perfring.Mode {
	r := &w.rings[i]
	elapsed := w.now.Sub(r.since)
	switch r.mode {
	case perfring.Eager:
		r.credit = min(r.credit+elapsed.Seconds()*eagerPerSecond, eagerBurst) - float64(r.records)
		r.since, r.records = w.now, 0
		if r.credit < 0 {
			r.mode = perfring.Lazy
			w.lazy++
		}
	case perfring.Lazy:
		if elapsed < quietAfter {
			break
		}
		if float64(r.records) < elapsed.Seconds()*eagerPerSecond/2 {
			r.mode = perfring.Eager
			r.credit = eagerBurst
			w.lazy--
		}
		r.since, r.records = w.now, 0
	}
	return r.mode
}
