// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
)

// TestWakesUp changes modes at random and asks after each sample whether the kernel has woken up the
// reader: as predicted, and an armed ring for the next sample.
func TestWakesUp(t *testing.T) {
	const size = 8
	d := newDatapath(t, size)
	rings := open(t, d, 512) // of which half is more than what is written
	random := rand.New(rand.NewPCG(1, 2))
	for _, r := range rings.All() {
		ring := r.(*perfring.Ring)
		written := 0
		for range 100 {
			mode := source.Mode(random.IntN(3))
			require.NoError(t, ring.SetMode(mode))
			for i := range random.IntN(1 << random.IntN(8)) {
				want, certain := ring.WakesUp()
				require.True(t, certain, "nobody writes while modes change")
				require.True(t, want || mode == source.Lazy || i > 0)
				d.emit(t, ring.CPU(), written, 1)
				written++
				counts, _ := drain(t, ring, size)
				require.Len(t, counts, 1)
				woken, err := rings.Wait(0)
				require.NoError(t, err)
				require.Equal(t, want, len(woken) > 0, "mode %v, sample %d", mode, i)
			}
		}
	}
}

// TestOnceAgain arms a ring again and again: each time the next sample wakes the reader up, and while it
// is lazy none does.
func TestOnceAgain(t *testing.T) {
	const size = 40
	d := newDatapath(t, size)
	rings := open(t, d, 64)
	for _, r := range rings.All() {
		ring := r.(*perfring.Ring)
		for range 50 {
			require.NoError(t, ring.SetMode(source.Once))
			d.emit(t, ring.CPU(), 0, 1)
			requireWoken(t, rings, "an armed ring wakes up")
			require.NoError(t, ring.SetMode(source.Lazy))
			drain(t, ring, size)
			_, err := rings.Wait(0)
			require.NoError(t, err)
			d.emit(t, ring.CPU(), 0, 9)
			woken, err := rings.Wait(0)
			require.NoError(t, err)
			require.Empty(t, woken)
			drain(t, ring, size)
		}
	}
}

// TestWaitTells checks that Wait tells which ring it was.
func TestWaitTells(t *testing.T) {
	d := newDatapath(t, 40)
	rings := open(t, d, 1)
	for i, ring := range rings.All() {
		d.emit(t, ring.CPU(), 0, 1)
		woken, err := rings.Wait(source.Forever)
		require.NoError(t, err)
		require.Equal(t, []int{i}, woken)
		drain(t, ring, 40)
	}
}

// TestWake ends a Wait that nothing else ends.
func TestWake(t *testing.T) {
	rings := open(t, newDatapath(t, 40), 1)
	for range 2 {
		require.NoError(t, rings.Wake())
		woken, err := rings.Wait(source.Forever)
		require.NoError(t, err)
		require.Empty(t, woken)
	}
}
