// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bench/internal/load"
	"github.com/cilium/monitor/testutils"
)

func TestTapReportsTheTrafficOfEachKind(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	runtime.LockOSThread() // and never unlock: the thread ends with its network namespace
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	pair, err := NewPair()
	require.NoError(t, err)
	defer func() { require.NoError(t, pair.Close()) }()
	emitter, err := load.New(testutils.EventsMapPath(t), 0)
	require.NoError(t, err)
	defer func() { require.NoError(t, emitter.Close()) }()
	tap, err := NewTap(emitter)
	require.NoError(t, err)
	defer func() { require.NoError(t, tap.Close()) }()

	events := func() uint64 {
		c, err := tap.Counters()
		require.NoError(t, err)
		require.Equal(t, c.NoReader, c.Total(), "nobody reads")
		return c.Total()
	}
	for _, kind := range Kinds {
		before, sent := events(), 0
		require.NoError(t, tap.While(pair.Device, func() error {
			sent, err = kind.Run(pair, 50*time.Millisecond)
			return err
		}), kind.Name)
		require.NotZero(t, sent, kind.Name)
		require.Greater(t, events(), before+6, "%s: that is what the connection itself takes", kind.Name)
		before = events()
		_, err = kind.Run(pair, time.Millisecond)
		require.NoError(t, err)
		require.Equal(t, before, events(), "%s: the tap is not attached", kind.Name)
	}
}
