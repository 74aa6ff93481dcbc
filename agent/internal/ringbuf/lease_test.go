// SPDX-License-Identifier: Apache-2.0

package ringbuf

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestLease has readers want the same ring.
func TestLease(t *testing.T) {
	l := leaseIn(make([]byte, 4096))
	require.True(t, l.take(1))
	require.True(t, l.take(1), "it is ours")
	require.False(t, l.take(2))
	require.True(t, l.renew(1))
	require.False(t, l.renew(2))
	l.give(2)
	require.False(t, l.take(2), "only who has it gives it")
	l.give(1)
	require.Zero(t, l.held.Load())
	require.True(t, l.take(2))
	require.False(t, l.renew(1))
}

// TestLeaseExpires has the holder of a lease die.
func TestLeaseExpires(t *testing.T) {
	const second = uint64(time.Second/tick) << 32
	l := leaseIn(make([]byte, 4096))
	for claim, alive := range map[uint64]bool{
		claim(1):            true,
		claim(1) - 2*second: true,
		claim(1) - 4*second: false,
		claim(1) + 4*second: false, // from another boot, or garbage
		claim(1) ^ 1<<63:    false,
		0:                   false,
		claim(2) - second:   false, // our own
	} {
		l.held.Store(claim)
		require.Equal(t, alive, others(claim, 2), "%x", claim)
		require.Equal(t, !alive, l.take(2), "%x", claim)
	}
}

// TestLeaseName names the holder.
func TestLeaseName(t *testing.T) {
	l := leaseIn(make([]byte, 4096))
	own := processWord()
	require.NotZero(t, own>>32)
	require.EqualValues(t, os.Getpid(), uint32(own))
	l.holder.Store(own)
	require.Equal(t, "this process", l.name())
	l.holder.Store(own&^(1<<32-1) | 1)
	require.Regexp(t, `^process 1 \(.+\)$`, l.name())
	l.holder.Store(own | (1<<32 - 1))
	require.Equal(t, "process 4294967295", l.name())
	l.holder.Store(own ^ 1<<40)
	require.Equal(t, "a process of another container", l.name())
}

// TestIntruderGone waits until nobody takes what there is.
func TestIntruderGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &intruder{}
		pass := func() { <-time.After(time.Second) } // of the fake clock
		require.False(t, i.gone(0, 8), "it was just there")
		pass()
		require.False(t, i.gone(8, 16), "it reads")
		pass()
		require.False(t, i.gone(16, 16), "there is nothing to read")
		pass()
		require.False(t, i.gone(16, 16))
		require.False(t, i.gone(16, 24), "there was nothing to read until now")
		pass()
		require.True(t, i.gone(16, 24))
	})
}
