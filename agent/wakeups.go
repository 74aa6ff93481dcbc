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
// datapath nothing, and the agent a timer (some 18 us of CPU in a virtual machine) and
// a system call for each client (4 us, the client's wake-up included).
const (
	// A CPU may wake the reader up this often, with bursts of so many. Beyond that
	// its ring gets lazy and the reader comes by itself.
	eagerPerSecond = 250
	eagerBurst     = 16

	// A lazy ring that had less than half of that rate for so long gets eager again.
	quietAfter = 20 * time.Millisecond

	// The time between visits. It grows with the clients that are written to, so
	// that visits cost 5 to 7 % of a CPU whatever their number; the latency is as low as
	// that allows. (A timer comes some 80 us late.)
	restBase      = 160 * time.Microsecond
	restPerClient = 105 * time.Microsecond
	maxRest       = 2 * time.Millisecond

	// Visits that find fewer events than the first number get rarer, those that find
	// more than the second come at the usual time again.
	notWorthAVisit = 2
	worthAVisit    = 3
)

// wakeups decides when the reader visits the rings, and which of them wake it up.
type wakeups struct {
	rings []ringWakeups
	lazy  int // rings in lazy mode

	// Of the current visit.
	now     time.Time
	records int // found
	clients int // most that were written to at once

	rest   time.Duration // until the next visit, if a ring is lazy
	latest time.Duration // until the next visit in any case
}

// ringWakeups is the part of one ring.
type ringWakeups struct {
	mode    perfring.Mode
	credit  float64   // eager: records that may still wake the reader up
	records int       // lazy: found since
	since   time.Time // when credit was last added to, when the count of records began
}

func newWakeups(rings int) wakeups {
	w := wakeups{rings: make([]ringWakeups, rings), now: time.Now(), latest: epoll.Forever}
	for i := range w.rings {
		w.rings[i] = ringWakeups{mode: perfring.Eager, credit: eagerBurst, since: w.now}
	}
	return w
}

// timeout returns how long to wait for a wake-up before the next visit.
func (w *wakeups) timeout() time.Duration {
	switch {
	case w.lazy == 0:
		return w.latest
	case w.latest == epoll.Forever:
		return w.rest
	default:
		return min(w.rest, w.latest)
	}
}

// sleepsShortly tells whether the next visit is a matter of time, not of an event.
func (w *wakeups) sleepsShortly() bool { return w.lazy > 0 }

// begin is called at the beginning of a visit.
func (w *wakeups) begin(now time.Time) {
	w.now = now
	w.records, w.clients = 0, 0
	w.latest = epoll.Forever
}

// read is called for records that were found in ring i.
func (w *wakeups) read(i, records int) {
	w.records += records
	w.rings[i].records += records
}

// wrote is called when so many clients were written to.
func (w *wakeups) wrote(clients int) { w.clients = max(w.clients, clients) }

// end is called at the end of a visit.
func (w *wakeups) end() {
	base := min(restBase+time.Duration(max(w.clients, 1))*restPerClient, maxRest)
	switch {
	case w.records < notWorthAVisit:
		w.rest = min(max(2*w.rest, base), maxRest)
	case w.records > worthAVisit:
		w.rest = base
	default:
		w.rest = max(w.rest, base)
	}
}

// revisit has the next visit take place after that time at the latest.
func (w *wakeups) revisit(in time.Duration) {
	if w.latest == epoll.Forever || in < w.latest {
		w.latest = in
	}
}

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
