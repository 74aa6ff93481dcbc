// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	"github.com/cilium/monitor/client"
)

// counter is a consumer that counts.
type counter struct{ delivered, lost atomic.Uint64 }

func (c *counter) NotifyAgentEvent(int, any)              {}
func (c *counter) NotifyPerfEvent([]byte, int)            { c.delivered.Add(1) }
func (c *counter) NotifyPerfEventLost(lost uint64, _ int) { c.lost.Add(lost) }

// onCPU runs f on a CPU, on a thread of its own.
func onCPU(cpu int, f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // to the end: the thread goes
		var only unix.CPUSet
		only.Set(cpu)
		if err := unix.SchedSetaffinity(0, &only); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}

// received is what a client got.
type received struct {
	delivered uint64
	lost      map[session.LossCause]uint64
}

func (r received) sum() uint64 {
	sum := r.delivered
	for _, n := range r.lost {
		sum += n
	}
	return sum
}

// receive reads what a client gets until that is enough.
func receive(t *testing.T, c *client.Client, enough func(received) bool) (got received) {
	got.lost = make(map[session.LossCause]uint64)
	for e, err := range c.Events() {
		if !assert.NoError(t, err) {
			break
		}
		if e.Type == payload.RecordLost {
			got.lost[e.Loss.Cause] += e.Lost
		} else {
			got.delivered++
		}
		if enough(got) {
			break
		}
	}
	return got
}

// TestSuppressedSums has both CPUs make events flat out, more than the limits allow: each subscriber gets or is
// told of all of them, whichever kind of map it is.
func TestSuppressedSums(t *testing.T) {
	for name, size := range map[string]int{EventsPerf: 0, EventsRingbuf: 1 << 20} {
		t.Run(name, func(t *testing.T) { testSuppressedSums(t, size) })
	}
}

func testSuppressedSums(t *testing.T, ringBufferSize int) {
	ns := newNamespace(t)
	path := eventsPath(t)
	d := ns.load(Options{
		Devices: []string{"lo"}, EventsMap: path, RingBufferSize: ringBufferSize, Deny: mustParseRules(t, "udp/9999"),
		RateLimits: RateLimits{trace: {Rate: 2000, Burst: 500}, drop: {Rate: 200, Burst: 100}},
	})
	a := agent.NewAgent(t.Context(), agent.WithEventsMap(path))
	socket := filepath.Join(t.TempDir(), "monitor1_2.sock")
	require.NoError(t, agent.ServeMonitorAPI(a, agent.WithSocketPath(socket)))
	require.NoError(t, agent.ServeSessions(a, agent.WithSocketPath(session.SocketPath(socket))))
	require.NoError(t, a.AttachToEventsMap(64))

	const cpus, packets = 2, 50_000 // of each CPU: a trace, a verdict and a drop for each
	const made = 3 * packets * cpus
	consumer := new(counter)
	a.RegisterNewConsumer(consumer)
	dial := func(types ...int) *client.Client {
		c, err := client.DialRequest(t.Context(), socket, &session.Request{Types: types})
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	all, drops := dial(), dial(int(drop))
	old, err := client.Dial(t.Context(), socket)
	require.NoError(t, err)
	defer old.Close()
	require.Eventually(t, func() bool { return len(a.Stats().Clients) == 3 }, time.Minute, time.Millisecond)

	var gotAll, gotOld, gotDrops received
	var readers sync.WaitGroup
	everything := func(r received) bool { return r.sum() >= made }
	readers.Go(func() { gotAll = receive(t, all, everything) })
	readers.Go(func() { gotOld = receive(t, old, everything) })
	readers.Go(func() { gotDrops = receive(t, drops, func(r received) bool { return r.sum() >= packets*cpus }) })

	var flood sync.WaitGroup
	for cpu := range cpus {
		flood.Go(func() {
			assert.NoError(t, onCPU(cpu, func() error {
				_, err := d.objects.FromNetwork.Run(&ebpf.RunOptions{Data: udp4("10.0.0.1", "10.0.0.2", 9999), Repeat: packets})
				return err
			}))
		})
	}
	flood.Wait()
	suppressed := make(map[uint8]uint64)
	for _, typ := range limitedTypes {
		suppressed[typ] = suppressedBy(t, d.objects.EventsSuppressed, typ).RateLimited
	}
	require.NotZero(t, suppressed[trace])
	require.NotZero(t, suppressed[drop])
	require.Zero(t, suppressed[verdict])
	allSuppressed := suppressed[trace] + suppressed[drop]

	require.Eventually(t, func() bool { return consumer.delivered.Load()+consumer.lost.Load() >= made }, time.Minute, time.Millisecond)
	require.EqualValues(t, made, consumer.delivered.Load()+consumer.lost.Load())
	ring := a.Stats().Lost.Ring()
	require.Equal(t, ring+allSuppressed, consumer.lost.Load())

	readers.Wait()
	for _, got := range []received{gotAll, gotOld} {
		require.EqualValues(t, made, got.sum())
		require.LessOrEqual(t, got.lost[session.LostByRateLimit], allSuppressed)
		if got.lost[session.LostByReader] == 0 {
			require.Equal(t, allSuppressed, got.lost[session.LostByRateLimit])
		}
	}
	require.LessOrEqual(t, gotDrops.lost[session.LostByRateLimit], suppressed[drop], "it is told of what it wants only")
	if gotDrops.lost[session.LostByReader] == 0 && ring == 0 {
		require.Equal(t, suppressed[drop], gotDrops.lost[session.LostByRateLimit])
	}

	for _, s := range a.Stats().Suppressed {
		require.Equal(t, suppressed[s.Type], s.RateLimited)
		require.Zero(t, s.Aggregated)
	}
}
