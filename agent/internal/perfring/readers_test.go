// SPDX-License-Identifier: Apache-2.0

package perfring

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent/internal/eventsmap"
)

// TestNames checks that others are looked for once in a while.
func TestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o otherReaders
		found := o.names(0)
		require.NotEmpty(t, found)
		o.text = "as of a moment ago"
		<-time.After(10 * time.Second) // of the fake clock
		require.Equal(t, "as of a moment ago", o.names(0))
		<-time.After(time.Nanosecond)
		require.Equal(t, found, o.names(0))
	})
}

// TestFindReaders finds a process that has events and the map open, unless there is no time.
func TestFindReaders(t *testing.T) {
	array, s := newArray(t)
	id, err := eventsmap.ID(array)
	require.NoError(t, err)
	r := newRing(t, array, s, 0)
	other, _ := newArray(t)

	events := start(t, r.fds[0])
	maps := start(t, array.FD(), other.FD())
	others := start(t, r.fds[0], other.FD())
	both := start(t, r.fds[0], other.FD(), array.FD(), other.FD())
	found := findReaders(id, time.Hour)
	require.Equal(t, fmt.Sprintf("process %d (cat)", both), found)
	for _, pid := range []int{events, maps, others} {
		require.False(t, mayRead(fmt.Sprintf("/proc/%d", pid), id))
	}
	require.Equal(t, "this process, or one that can't be seen from it", findReaders(id, -1))
}

// start starts a process with copies of these descriptors, and returns its id.
func start(t *testing.T, fds ...int) int {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	for _, fd := range fds {
		duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		require.NoError(t, err)
		file := os.NewFile(uintptr(duplicate), "")
		defer file.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, file)
	}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, stdin.Close())
		require.NoError(t, cmd.Wait())
	})
	return cmd.Process.Pid
}

// TestProcessEnds looks at what is left of a process: nothing, or files that tell nothing.
func TestProcessEnds(t *testing.T) {
	dir := t.TempDir()
	require.Equal(t, "?", processName(dir))
	require.False(t, mayRead(dir, 0))
	fdinfo := filepath.Join(dir, "7")
	require.False(t, hasMapID(fdinfo, 7))
	require.NoError(t, os.WriteFile(fdinfo, []byte("pos:\t0\nmap_type:\t7\n"), 0o600))
	require.False(t, hasMapID(fdinfo, 7))
	require.NoError(t, os.WriteFile(fdinfo, []byte("pos:\t0\nmap_id:\t7\n"), 0o600))
	require.True(t, hasMapID(fdinfo, 7))
	require.False(t, hasMapID(fdinfo, 77))
}
