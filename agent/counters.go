// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/monitor/api/payload"
)

// counters count what goes through the agent, for Stats. They are added to once for each
// batch, poll or call, so that an event costs no more than an addition.
type counters struct {
	start time.Time // what traffic.last counts from

	mu       sync.Mutex // guards what follows
	datapath traffic
	user     traffic
	ringLost []uint64 // by CPU
	polls    polls

	suppressed [256]SuppressedStats // by message type; without Type and Name

	unwanted     atomic.Uint64 // events that were read and that nobody asked for
	unwantedUser atomic.Uint64 // those of SendEvent

	// These count what should not happen.
	queueFull      atomic.Uint64
	notEncoded     atomic.Uint64
	corruptRings   atomic.Uint64
	readerFailures atomic.Uint64
	writeErrors    atomic.Uint64
	acceptErrors   atomic.Uint64
	refused        atomic.Uint64
}

// traffic counts events of the datapath or of user space.
type traffic struct {
	byType [256]struct{ events, bytes uint64 }
	last   time.Duration // when the last one came; 0 if none did
}

// add counts an event of a type and a size in bytes.
func (t *traffic) add(typ byte, size int) {
	n := &t.byType[typ]
	n.events++
	n.bytes += uint64(size)
}

// polls counts how often readers looked into rings.
type polls struct {
	byKernel, byTimer uint64
	records           uint64 // events and losses, in all polls
	buckets           [pollBuckets]uint64
}

// sourceCounters count what comes from one source.
type sourceCounters struct {
	records      atomic.Uint64 // events and records of losses
	lost         atomic.Uint64
	corruptRings atomic.Uint64
	failures     atomic.Uint64
	reopened     atomic.Uint64
}

// pollBuckets is the number of buckets for what a poll finds: 0, 1, 2, up to 4, up to 8,
// ..., up to 4096, and more.
const pollBuckets = 15

// bucket returns the bucket for a poll that finds n.
func bucket(n int) int {
	if n == 0 {
		return 0
	}
	return min(1+bits.Len(uint(n-1)), pollBuckets-1)
}

// upperBound returns the most that a poll of a bucket finds, -1 if there is no limit.
func upperBound(bucket int) int {
	switch bucket {
	case 0:
		return 0
	case pollBuckets - 1:
		return -1
	default:
		return 1 << (bucket - 1)
	}
}

// read counts records of a ring that were copied into the log.
func (c *counters) read(records []payload.Payload, now time.Time) {
	if len(records) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	samples := 0
	for i := range records {
		if pl := &records[i]; pl.Type == payload.EventSample {
			c.datapath.add(pl.Data[0], len(pl.Data))
			samples++
		}
	}
	if samples > 0 {
		c.datapath.last = now.Sub(c.start)
	}
}

// lost counts n events that found the ring of a CPU full.
func (c *counters) lost(cpu int, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if missing := cpu + 1 - len(c.ringLost); missing > 0 {
		c.ringLost = append(c.ringLost, make([]uint64, missing)...)
	}
	c.ringLost[cpu] += n
}

// now is the time since the counters began, which is cheaper than the time of day.
func (c *counters) now() time.Duration { return time.Since(c.start) }

// sent counts an event of user space that is delivered, and returns the time.
func (c *counters) sent(ev *userEvent) (now time.Duration) {
	now = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	size := 0
	if ev.data != nil {
		size = len(*ev.data)
	}
	c.user.add(byte(ev.typ), size)
	c.user.last = now
	return now
}

// tooMany is the number of events that there was no room for, since those before were not
// taken fast enough.
func (c *counters) tooMany() (sum uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.ringLost {
		sum += n
	}
	return sum + c.queueFull.Load()
}

// notAccepted is the number of events that did not come to the event log, since nobody asked for them.
func (c *counters) notAccepted() uint64 { return c.unwanted.Load() + c.unwantedUser.Load() }

// polled counts a poll of the rings, that the kernel asked for or a timer, and what it found.
func (c *counters) polled(byKernel bool, records int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.polls
	if byKernel {
		p.byKernel++
	} else {
		p.byTimer++
	}
	p.records += uint64(records)
	p.buckets[bucket(records)]++
}
