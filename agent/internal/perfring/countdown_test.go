// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/source"
)

// kernel is what the kernel does with the samples of a ring.
type kernel struct {
	count, event, wakeups int
	head                  uint64
}

func (k *kernel) write(samples int) {
	for range samples {
		k.head += 24
		k.count++
		if wakeup := int(wakeupEvents[k.event]); k.count >= wakeup {
			k.count -= wakeup
			k.wakeups++
		}
	}
}

// TestCountdown changes events at any time, also while samples are written: the kernel's count is always
// within the bounds, and an armed ring wakes up for the next sample.
func TestCountdown(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		k, c := kernel{}, newCountdown(eagerEvent)
		tail := uint64(0)
		for range 300 {
			k.write(random.IntN(1 << random.IntN(9)))
			for ; tail < k.head && random.IntN(20) > 0; tail += 24 {
				c.sample(tail)
			}
			mode := source.Mode(random.IntN(3))
			event := c.eventFor(mode, tail, k.head)
			if c.passed(tail); tail == k.head {
				c.fold()
				require.LessOrEqual(t, c.low, k.count)
				require.GreaterOrEqual(t, c.high, k.count)
			}
			before := k.head
			k.write(random.IntN(3) * random.IntN(3))
			inTime := k.head == before // the reader looks once more if not
			k.event = event
			wakeups := k.wakeups
			k.write(random.IntN(3) * random.IntN(3))
			c.change(event, before, k.head)
			k.write(1)
			if inTime && mode != source.Lazy {
				require.Greater(t, k.wakeups, wakeups, "mode %v, event %d", mode, event)
			}
		}
	}
}

// TestCountdownExact has nobody write while the event changes, so that the count is known.
func TestCountdownExact(t *testing.T) {
	k, c := kernel{}, newCountdown(eagerEvent)
	tail := uint64(0)
	random := rand.New(rand.NewPCG(0, 0))
	for range 10000 {
		k.write(random.IntN(1 << random.IntN(11)))
		for ; tail < k.head; tail += 24 {
			c.sample(tail)
		}
		k.event = c.eventFor(source.Mode(random.IntN(3)), tail, tail)
		c.change(k.event, tail, tail)
		c.passed(tail)
		require.Equal(t, k.count, c.low)
		require.Equal(t, k.count, c.high)
	}
}

// TestCountdownWhileChanging has samples of both events wake the reader up while the event changes: the count can be more
// than if all were of one of them.
func TestCountdownWhileChanging(t *testing.T) {
	const old, new = 2, 3 // of 16 and 32 samples
	k, c := kernel{count: 20, event: old}, newCountdown(old)
	c.low, c.high = k.count, k.count
	k.write(1)
	k.event = new
	k.write(12)
	c.change(new, 0, k.head)
	k.write(16)
	require.Equal(t, 2, k.wakeups)
	for tail := uint64(0); tail < k.head; tail += 24 {
		c.sample(tail)
	}
	c.passed(k.head)
	c.fold()
	require.LessOrEqual(t, c.low, k.count)
	require.GreaterOrEqual(t, c.high, k.count)
}

// TestCountdownBound has the reader be woken up, or not: the count is less than what wakes it up.
func TestCountdownBound(t *testing.T) {
	c := newCountdown(2)
	c.low, c.high = 0, 10
	for i := range uint64(8) {
		c.sample(24 * i)
	}
	c.fold()
	require.Equal(t, 0, c.low)
	require.Equal(t, 15, c.high)
}

// TestEventFor chooses the event of a mode by the count: the largest that wakes the reader up for the next sample.
func TestEventFor(t *testing.T) {
	c := newCountdown(lazyEvent)
	for count, want := range map[int]int{0: 1, 14: 1, 15: 2, 30: 2, 31: 3, 62: 3, 63: 4, 1023: 7, 4094: 7, 4095: lazyEvent} {
		c.low, c.high = count, count
		require.Equal(t, want, c.eventFor(source.Once, 0, 0), count)
		require.Equal(t, gainEvent, c.eventFor(source.Once, 0, 24), "there are samples that are not counted")
		require.Equal(t, eagerEvent, c.eventFor(source.Eager, 0, 0))
		require.Equal(t, lazyEvent, c.eventFor(source.Lazy, 0, 0))
	}
}

// TestCountdownOfQuietRing changes the event again and again without a sample: that takes no memory.
func TestCountdownOfQuietRing(t *testing.T) {
	c := newCountdown(eagerEvent)
	for range 100 {
		c.change(c.eventFor(source.Once, 0, 0), 0, 0)
		require.LessOrEqual(t, len(c.spans), 2)
	}
}

// TestBurstsWakeUpOnce has bursts written, each after a ring was armed, by when the reader is there and
// has put the lazy event into the array.
func TestBurstsWakeUpOnce(t *testing.T) {
	for _, c := range []struct {
		name         string
		burst, until int     // samples, and how many were written when the reader is there
		most         float64 // wake-ups for each burst
	}{
		{"short, the reader is late", 10, 10, 4},
		{"of a NIC, the reader is late", 64, 64, 20},
		{"of a NIC, the reader is in time", 64, 16, 1.3},
		{"long, the reader is in time", 200, 50, 1.5},
		{"long, the reader is late", 200, 200, 45},
		{"very long, the reader is late", 1000, 1000, 220},
	} {
		k, count, tail, wakeups := kernel{}, newCountdown(eagerEvent), uint64(0), 0
		const bursts = 1000
		put := func(mode source.Mode) {
			k.event = count.eventFor(mode, tail, k.head)
			count.change(k.event, k.head, k.head)
		}
		for range bursts {
			put(source.Once)
			k.write(c.until)
			wakeups += k.wakeups
			put(source.Lazy)
			k.write(c.burst - c.until)
			for ; tail < k.head; tail += 24 {
				count.sample(tail)
			}
			k.wakeups = 0
		}
		t.Logf("%s: %.2f wake-ups for each burst", c.name, float64(wakeups)/bursts)
		require.LessOrEqual(t, float64(wakeups)/bursts, c.most, c.name)
	}
}
