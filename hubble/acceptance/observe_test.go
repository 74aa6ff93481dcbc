// SPDX-License-Identifier: Apache-2.0

package acceptance

import (
	"bufio"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// reading waits until a node reads its datapath.
func (n *node) reading() {
	n.t.Helper()
	waitUntil(n.t, func() bool { return n.stats().Reader != nil && n.stats().Attached }, "it never read")
}

// TestFirstEvent follows a fresh node: it sees the first event, and does not wait for the next one.
func TestFirstEvent(t *testing.T) {
	datapath, flags := fakeDatapath(t)
	n := newNode(t, nil, "one", flags...)
	n.start()
	n.reading()
	follow := n.observe("-f", "-o", "jsonpb")
	follow.start(nil)
	n.waitFollowed(1)
	begin := time.Now()
	emit(t, datapath, 130, 1)
	first := responses(t, follow.waitLines(1))
	t.Log("the first event was printed after", time.Since(begin))
	require.Equal(t, 130, first[0].Flow.DropReason)
	require.Equal(t, "default/one", first[0].NodeName)

	for reason := range 5 {
		emit(t, datapath, 131+uint8(reason), 1)
	}
	follow.waitLines(6)
	last := responses(t, []string{run(t, nil, "hubble", "observe", "--server", "unix://"+n.socket, "-o", "jsonpb", "--last", "1")})
	require.Equal(t, 135, last[0].Flow.DropReason, "the newest one")
}

// TestStatus asks a node how it is.
func TestStatus(t *testing.T) {
	datapath, flags := fakeDatapath(t)
	n := newNode(t, nil, "one", append(flags, "--hubble-event-buffer-capacity", "1000")...)
	n.start()
	n.reading()
	emit(t, datapath, 130, 10)
	server := "unix://" + n.socket
	waitUntil(t, func() bool { return n.stats().History.Payloads == 10 }, "the history never had them")
	status := run(t, nil, "hubble", "status", "--server", server)
	require.Contains(t, status, "Healthcheck (via "+server+"): Ok")
	require.Contains(t, status, "Current/Max Flows: 10/1,000 (1.00%)")
	require.NotContains(t, status, "Flows/s: 0.00")
	require.Equal(t, "null\n", run(t, nil, "hubble", "list", "namespaces", "--server", server, "-o", "json"))
	require.Empty(t, run(t, nil, "hubble", "observe", "debug-events", "--server", server))
}

// TestSlowReader has a command line whose output nobody reads for a time: what it got and what it was told that it lost
// add up to what was written.
func TestSlowReader(t *testing.T) {
	datapath, flags := fakeDatapath(t)
	n := newNode(t, nil, "one", append(flags, "--monitor-queue-size", "1024", "--monitor-buffer-pages", "256")...)
	n.start()
	n.reading()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	follow := n.observe("-f", "-o", "jsonpb")
	follow.Stdout = write
	follow.start(nil)
	require.NoError(t, write.Close())
	n.waitFollowed(1)
	const bursts, burst = 50, 1000
	for i := range bursts {
		emit(t, datapath, 130, burst)
		waitUntil(t, func() bool { return n.stats().Accepted >= uint64(i+1)*burst }, "it never had them")
	}
	emit(t, datapath, 131, 1)

	lines := bufio.NewScanner(read)
	var received, lost uint64
	for {
		require.True(t, lines.Scan(), lines.Err())
		r := responses(t, []string{lines.Text()})[0]
		if r.LostEvents != nil {
			lost += number(t, r.LostEvents.Number)
			continue
		}
		received++
		if r.Flow.DropReason == 131 {
			break
		}
	}
	t.Logf("%d received, %d reported lost", received, lost)
	require.NotZero(t, lost)
	require.EqualValues(t, bursts*burst+1, received+lost)
}
