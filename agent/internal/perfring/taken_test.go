// SPDX-License-Identifier: Apache-2.0

package perfring_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/perfring"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

// readerOf is the environment variable that makes a process of the test binary a reader of the
// events map at that path, until its stdin ends.
const readerOf = "MONITOR_TEST_READER_OF"

func readAnother(path string) error {
	src := perfring.NewPinned(path, perfring.Options{Pages: 1, TakeOver: true})
	rings, err := src.Open()
	if err != nil {
		return err
	}
	defer rings.Close()
	fmt.Println("reading")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	return nil
}

// anotherReader starts a process that reads the events map at path, and returns its id. stop ends it.
func anotherReader(t *testing.T, path string) (pid int, stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), readerOf+"="+path)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	ended := false
	stop = func() {
		if !ended {
			ended = true
			stdin.Close()
			require.NoError(t, cmd.Wait())
		}
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "reading\n", line)
	return cmd.Process.Pid, stop
}

// TestTaken has another process read the map.
func TestTaken(t *testing.T) {
	path := testutils.EventsMapPath(t)
	d := pinned(t, path)
	require.NoError(t, perfring.CheckFree(d.events))
	another := testutils.EventsMapPath(t)
	pinned(t, another)
	anotherReader(t, another) // which is not named
	pid, stop := anotherReader(t, path)
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	want := fmt.Sprintf("the entry of CPU 0 is taken by process %d (%s)", pid, strings.TrimSpace(string(comm)))
	require.Eventually(t, func() bool { // the search for processes takes no longer than it may
		_, err := newPinned(t, path, false).Open()
		return errors.Is(err, perfring.ErrTaken) && strings.HasSuffix(err.Error(), want)
	}, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool {
		err := perfring.CheckFree(d.events)
		return errors.Is(err, perfring.ErrTaken) && strings.HasSuffix(err.Error(), want[len("the entry of CPU 0 is taken by "):])
	}, time.Minute, time.Millisecond)

	src := newPinned(t, path, false)
	_, err = src.Open()
	require.ErrorIs(t, err, perfring.ErrTaken)
	stop()
	require.NoError(t, perfring.CheckFree(d.events))
	requireReads(t, d, openSource(t, src))
}

// TestTakenInProcess has the reader in the same process, which is not named by its id.
func TestTakenInProcess(t *testing.T) {
	d := newDatapath(t, 40)
	openSource(t, sourceOf(t, d.events, perfring.Options{Pages: 1}))
	for cpu := range ebpf.MustPossibleCPU() {
		_, err := sourceOf(t, d.events, perfring.Options{Pages: 1}).Open()
		require.ErrorIs(t, err, perfring.ErrTaken)
		require.ErrorContains(t, err, fmt.Sprintf("the entry of CPU %d is taken by this process", cpu))
		require.NoError(t, d.events.Delete(uint32(cpu)))
	}
}

// TestTakeOver takes the map away from another reader, who notices, and does not take it back while
// it is read.
func TestTakeOver(t *testing.T) {
	d := newDatapath(t, 40)
	takeOver := perfring.Options{Pages: 1, TakeOver: true}
	first, second := sourceOf(t, d.events, takeOver), sourceOf(t, d.events, takeOver)
	old := openSource(t, first)
	taken := openSource(t, second)
	requireReads(t, d, taken)
	require.NoError(t, taken.Check())

	err := old.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorIs(t, err, perfring.ErrTaken)
	require.ErrorContains(t, err, "the entry of CPU 0 is taken by")
	require.NoError(t, old.Close())
	requireReads(t, d, taken)
	for range 2 {
		_, err = first.Open()
		require.ErrorIs(t, err, perfring.ErrTaken)
	}
	requireReads(t, d, taken)

	require.NoError(t, taken.Close())
	old = openSource(t, first)
	requireReads(t, d, old)
	// It lost the map once: that is over.
	openSource(t, second)
	require.NoError(t, old.Close())
	requireReads(t, d, openSource(t, first))
}

// TestTakenOut has somebody delete the entry of one CPU after the other.
func TestTakenOut(t *testing.T) {
	d := newDatapath(t, 40)
	src := sourceOf(t, d.events, perfring.Options{Pages: 1})
	rings := openSource(t, src)
	for _, ring := range rings.All() {
		require.NoError(t, rings.Check())
		require.NoError(t, d.events.Delete(uint32(ring.CPU())))
		err := rings.Check()
		require.ErrorIs(t, err, source.ErrStale)
		require.NotErrorIs(t, err, perfring.ErrTaken)
		require.ErrorContains(t, err, fmt.Sprintf("of CPU %d out", ring.CPU()))
		rings = openSource(t, src)
		requireReads(t, d, rings)
	}
}
