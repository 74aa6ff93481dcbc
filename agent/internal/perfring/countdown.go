// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"math"

	"github.com/cilium/monitor/agent/source"
)

// wakeupEvents is perf_event_attr.wakeup_events of each of a ring's events.
//
// The kernel counts the samples of a ring, whichever of its events they come from. When the count reaches
// wakeup_events of the event that writes a sample, it wakes the reader up and subtracts that much
// (perf_output_sample of kernel/events/core.c). So after n samples an event with n+1 or less wakes up for the
// next one, and an event with more does not yet. The largest of the former wakes up for the first sample of a
// burst and then not before as many as it has, less what was left of n, were written: the reader is there
// by then and has put the last one into the array, which hardly ever wakes anybody up, and keeps the count
// below it.
//
// What is subtracted has to be counted before. A burst that is over before the reader is there has nobody
// count: it is written by an event that wakes up. So where there is too little to subtract from, the second one
// is taken, which wakes up for each sample as the first one does, and adds to the count: the kernel takes
// wakeup_events for an int.
//
// Each event costs a file descriptor and some 2 KiB of kernel memory for each CPU.
var wakeupEvents = [...]int32{1, -64, 16, 32, 64, 128, 256, 1024, 4096}

const (
	eagerEvent = 0
	gainEvent  = 1
	lazyEvent  = len(wakeupEvents) - 1
)

// countdown follows the kernel's count of a ring's samples.
//
// What it knows are bounds: a sample that is written while the event changes is one of the old or of the
// new event.
type countdown struct {
	low, high int // what the count was, after the samples before those of spans
	samples   int // of the first span
	spans     []span
	end       uint64 // of the first span
}

// span is a part of the ring whose samples came from these events, which are equal but while the event
// changes.
type span struct {
	old, new int
	end      uint64 // where it ends in the ring
}

const openEnd = math.MaxUint64

// newCountdown begins with an event in the array.
func newCountdown(event int) countdown {
	return countdown{spans: []span{{event, event, openEnd}}, end: openEnd}
}

// sample is called for each sample, in order, with where it begins in the ring.
func (c *countdown) sample(pos uint64) {
	c.passed(pos)
	c.samples++
}

// passed is called when all samples that begin before pos have been counted.
func (c *countdown) passed(pos uint64) {
	for pos >= c.end {
		c.nextSpan()
	}
}

// change is called when the event in the array was changed, while the ring was written from before to after.
func (c *countdown) change(event int, before, after uint64) {
	last := &c.spans[len(c.spans)-1]
	old := last.new
	last.end = before
	if after > before {
		c.spans = append(c.spans, span{old, event, after})
	}
	c.spans = append(c.spans, span{event, event, openEnd})
	c.end = c.spans[0].end
}

// nextSpan counts the samples of the first span, and goes on to the next one.
func (c *countdown) nextSpan() {
	c.fold()
	c.spans = append(c.spans[:0], c.spans[1:]...)
	c.end = c.spans[0].end
}

// fold counts the samples of the first span until now.
func (c *countdown) fold() {
	s, n := c.spans[0], c.samples
	c.samples = 0
	low, high := after(c.low, n, s.old), after(c.high, n, s.old)
	if wakeups(c.low, n, s.old) != wakeups(c.high, n, s.old) {
		low, high = 0, max(high, int(wakeupEvents[s.old])-1)
	}
	if s.old != s.new {
		low, high = 0, max(high, c.high+n, after(c.high, n, s.new))
	}
	c.low, c.high = low, high
}

// after returns the count after so many samples of an event.
func after(count, samples, event int) int {
	return count + samples - wakeups(count, samples, event)*int(wakeupEvents[event])
}

// wakeups returns how often samples of an event wake the reader up after a count.
func wakeups(count, samples, event int) int {
	if event == gainEvent {
		return samples
	}
	return min(samples, (count+samples)/int(wakeupEvents[event]))
}

// eventFor returns the event to put into the array for a mode. The ring was read up to tail, and is written up to
// head.
func (c *countdown) eventFor(mode source.Mode, tail, head uint64) int {
	switch mode {
	case source.Eager:
		return eagerEvent
	case source.Lazy:
		return lazyEvent
	case source.Once:
	}
	event := gainEvent
	c.passed(tail)
	if head > tail {
		return event // there are samples that are not counted yet
	}
	c.fold()
	for event < lazyEvent && int(wakeupEvents[event+1]) <= c.low+1 {
		event++
	}
	return event
}
