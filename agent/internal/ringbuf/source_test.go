// SPDX-License-Identifier: Apache-2.0

package ringbuf_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	libringbuf "github.com/cilium/ebpf/ringbuf"
	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent/internal/eventsmap"
	"github.com/cilium/monitor/agent/internal/ringbuf"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/testutils"
)

// timeout is how long a test waits for what has to happen, however slow the machine.
const timeout = time.Minute

// readerOf is the environment variable that makes a process of the test binary a reader of the
// ring buffer at that path, until its stdin ends.
const readerOf = "MONITOR_TEST_READER_OF"

func readAnother(path string) {
	rings, err := ringbuf.NewPinned(path, ringbuf.Options{}).Open()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("reading")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	if err := rings.Close(); err != nil {
		log.Fatal(err)
	}
}

// anotherReader starts a process that reads the ring buffer at path.
func anotherReader(t *testing.T, path string) (process *os.Process, stop func()) {
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
			_ = cmd.Wait() // it may have been killed
		}
	}
	t.Cleanup(stop)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "reading\n", line)
	return cmd.Process, stop
}

// pinned pins a new ring buffer, in the place of one that is there.
func pinned(t *testing.T, path string) *testutils.Generator {
	t.Helper()
	gen := datapath(t, 4096)
	for _, stale := range []string{path, path + ringbuf.LossesSuffix} {
		_ = os.Remove(stale) // it need not be there
	}
	require.NoError(t, gen.Pin(path))
	return gen
}

func newPinned(t *testing.T, path string) *ringbuf.Source {
	t.Helper()
	src := ringbuf.NewPinned(path, ringbuf.Options{})
	t.Cleanup(func() { require.NoError(t, src.Close()) })
	return src
}

// requireReads checks that events of the datapath come.
func requireReads(t *testing.T, gen *testutils.Generator, rings *ringbuf.Rings) {
	t.Helper()
	drain(t, rings)
	emit(t, gen, 1, 3)
	numbers, _ := drain(t, rings)
	require.Len(t, numbers[1], 3)
	require.NoError(t, rings.Check())
}

// openAgain opens a source once it can be.
func openAgain(t *testing.T, src *ringbuf.Source) *ringbuf.Rings {
	t.Helper()
	var rings source.Rings
	require.Eventually(t, func() bool {
		var err error
		rings, err = src.Open()
		return err == nil
	}, timeout, 10*time.Millisecond)
	t.Cleanup(func() { require.NoError(t, rings.Close()) })
	return rings.(*ringbuf.Rings)
}

// TestPinned opens whichever map is pinned at the time, and tells when it is another one.
func TestPinned(t *testing.T) {
	path := testutils.EventsMapPath(t)
	src := newPinned(t, path)
	_, err := src.Open()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)

	gen := pinned(t, path)
	rings := open(t, src)
	requireReads(t, gen, rings)
	emit(t, gen, 0, 100)
	_, lost := drain(t, rings)
	require.NotZero(t, lost, "the counter is found beside the map")

	require.NoError(t, os.Remove(path))
	err = rings.Check()
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NotErrorIs(t, err, source.ErrStale, "there is nothing to open")

	other := pinned(t, path)
	err = rings.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorContains(t, err, path)
	again := open(t, src)
	requireReads(t, other, again)
	emit(t, gen, 0, 1)
	numbers, _ := drain(t, rings)
	require.Len(t, numbers[0], 1, "the old one is read until it is closed")
	require.NoError(t, rings.Close())
	requireReads(t, other, again)
}

// TestTaken has another process read the ring buffer: it is named, and nobody reads beside it.
func TestTaken(t *testing.T) {
	path := testutils.EventsMapPath(t)
	gen := pinned(t, path)
	require.NoError(t, ringbuf.CheckFree(gen.Map()))
	process, stop := anotherReader(t, path)
	comm, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	want := fmt.Sprintf("process %d (%s)", process.Pid, strings.TrimSpace(string(comm)))
	src := newPinned(t, path)
	for range 2 {
		_, err = src.Open()
		require.ErrorIs(t, err, eventsmap.ErrTaken)
		require.ErrorContains(t, err, want)
		err = ringbuf.CheckFree(gen.Map())
		require.ErrorIs(t, err, eventsmap.ErrTaken)
		require.ErrorContains(t, err, want)
	}
	stop()
	require.NoError(t, ringbuf.CheckFree(gen.Map()))
	requireReads(t, gen, open(t, src))
}

// TestKilled kills the process that reads the ring buffer: it is free within seconds.
func TestKilled(t *testing.T) {
	path := testutils.EventsMapPath(t)
	gen := pinned(t, path)
	process, stop := anotherReader(t, path)
	require.NoError(t, process.Kill())
	stop()
	requireReads(t, gen, openAgain(t, newPinned(t, path)))
}

// TestReopen opens a source again while its rings are open, which is no other reader. Closing the old
// ones takes nothing away from the new ones.
func TestReopen(t *testing.T) {
	gen := datapath(t, 4096)
	src := sourceOf(t, gen, false)
	first := open(t, src)
	second := open(t, src)
	requireReads(t, gen, second)
	require.NoError(t, first.Close())
	requireReads(t, gen, second)
	_, err := sourceOf(t, gen, false).Open()
	require.ErrorIs(t, err, eventsmap.ErrTaken)
	require.ErrorContains(t, err, "this process")
	require.NoError(t, second.Close())
	requireReads(t, gen, open(t, sourceOf(t, gen, false)))
}

// TestTakeOver takes the ring buffer away from another source, who gives it up when it is asked to, and
// does not take it back while it is read.
func TestTakeOver(t *testing.T) {
	gen := datapath(t, 4096)
	first, second := sourceOf(t, gen, true), sourceOf(t, gen, true)
	old := open(t, first)
	_, err := second.Open()
	require.ErrorIs(t, err, eventsmap.ErrTaken)
	emit(t, gen, 0, 3)
	numbers, _ := drain(t, old)
	require.Len(t, numbers[0], 3, "it is read until it is given up")

	err = old.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorIs(t, err, eventsmap.ErrTaken)
	_, err = first.Open()
	require.ErrorIs(t, err, eventsmap.ErrTaken, "the other one is about to read it")
	_, err = sourceOf(t, gen, false).Open()
	require.ErrorIs(t, err, eventsmap.ErrTaken, "so for others")
	now := open(t, second)
	requireReads(t, gen, now)
	emit(t, gen, 0, 3)
	numbers, lost := drain(t, old)
	require.Empty(t, numbers)
	require.Zero(t, lost)
	require.NoError(t, old.Close())
	for range 2 {
		_, err = first.Open()
		require.ErrorIs(t, err, eventsmap.ErrTaken)
		require.NoError(t, now.Check(), "it is not taken back")
	}
	require.NoError(t, now.Close())
	requireReads(t, gen, open(t, first))
}

// TestIntruder has a reader take events that knows of no lease. We stop reading, and begin again once it
// is gone.
func TestIntruder(t *testing.T) {
	gen := datapath(t, 1<<16)
	src := sourceOf(t, gen, false)
	rings := open(t, src)
	intruder, err := libringbuf.NewReader(gen.Map())
	require.NoError(t, err)
	emit(t, gen, 0, 3)
	_, err = intruder.Read()
	require.NoError(t, err)
	drain(t, rings)
	err = rings.Check()
	require.ErrorIs(t, err, source.ErrStale)
	require.ErrorIs(t, err, eventsmap.ErrTaken)
	require.ErrorContains(t, err, "position was moved")
	for range 3 {
		emit(t, gen, 0, 3)
		_, err = src.Open()
		require.ErrorIs(t, err, eventsmap.ErrTaken)
		_, err = intruder.Read()
		require.NoError(t, err)
	}
	require.NoError(t, intruder.Close())
	emit(t, gen, 0, 3)
	requireReads(t, gen, openAgain(t, src))
}
