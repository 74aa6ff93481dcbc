// SPDX-License-Identifier: Apache-2.0

package load

import (
	"cmp"
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// Shape is how events come: in bursts of so many, each back to back, on each of some CPUs on its own.
type Shape struct {
	Burst int // events, 1: evenly
	Rate  int // events a second on average, of all CPUs together
	CPUs  int // from CPU 0 on
}

// jitter is how much earlier or later than evenly a burst comes at most, as a share of the interval: so
// that no timer of an agent's falls into step with the load, and the shape stays what it is.
const jitter = 0.1

// shortest is the shortest interval: a timer that wakes a thread more often leaves little of its CPU to
// anybody else, as no interrupt would.
const shortest = 50 * time.Microsecond

// AtOnce returns how many events come at once: more than a burst, where bursts would come too often for a
// timer.
func (s Shape) AtOnce() int {
	events := time.Duration(s.Rate) * shortest
	perEvent := time.Second * time.Duration(s.CPUs)
	return max(s.Burst, int((events+perEvent-1)/perEvent))
}

// Interval returns the mean time from burst to burst on one CPU.
func (s Shape) Interval() time.Duration {
	return time.Duration(s.AtOnce()) * time.Second * time.Duration(s.CPUs) / time.Duration(s.Rate)
}

// Arrivals returns when each burst comes on a CPU, from the start of the load, which lasts for d. The
// same seed gives the same arrivals. CPUs do not take turns: each starts somewhere in its first interval.
func (s Shape) Arrivals(cpu int, d time.Duration, seed uint64) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		random := rand.New(rand.NewPCG(seed, uint64(cpu)))
		interval := float64(s.Interval())
		for even := interval * random.Float64(); ; even += interval {
			at := time.Duration(even + interval*jitter*(2*random.Float64()-1))
			if at >= d {
				return
			}
			if !yield(max(at, 0)) {
				return
			}
		}
	}
}

func (s Shape) String() string {
	shape := "even"
	switch n := s.AtOnce(); {
	case s.Burst > 1:
		shape = fmt.Sprintf("bursts of %d", n)
	case n > 1:
		shape = fmt.Sprintf("even, %d at a time", n)
	}
	if s.CPUs > 1 {
		shape += fmt.Sprintf(" on %d CPUs", s.CPUs)
	}
	return shape
}

// Compare orders shapes by CPUs, then by rate, then by burst.
func (s Shape) Compare(o Shape) int {
	return cmp.Or(cmp.Compare(s.CPUs, o.CPUs), cmp.Compare(s.Rate, o.Rate), cmp.Compare(s.Burst, o.Burst))
}
