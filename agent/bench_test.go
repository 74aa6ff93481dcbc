// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/testutils"
)

// batch is how many events the benchmarks emit before they wait for the clients.
const batch = 500

// drainers are clients that read and count, without allocating anything.
type drainers struct {
	n       int
	batches chan struct{} // one for each client and batch that it read; nil if nobody waits
	closed  chan struct{}
}

func (f *fixture) drain(t testing.TB, n int, batches chan struct{}) *drainers {
	d := &drainers{n: n, batches: batches, closed: make(chan struct{})}
	var ended sync.WaitGroup
	t.Cleanup(func() {
		close(d.closed)
		ended.Wait()
	})
	for range n {
		conn := f.dial(t)
		ended.Go(func() {
			d.read(payload.NewDecoder(conn))
			conn.Close()
		})
	}
	return d
}

func (d *drainers) read(dec *payload.Decoder) {
	var pl payload.Payload
	for i := 1; dec.Decode(&pl) == nil; i++ {
		if d.batches == nil || i%batch > 0 {
			continue
		}
		select {
		case d.batches <- struct{}{}:
		case <-d.closed:
			return
		}
	}
}

// emit emits a batch and waits until all clients have read it.
func (d *drainers) emit(t testing.TB, f *fixture) {
	if err := testutils.OnCPU(0, func() error { return f.gen.EmitTrace(batch) }); err != nil {
		t.Fatal(err)
	}
	for range d.n {
		<-d.batches
	}
}

// TestNothingAllocatedPerEvent counts what the whole process allocates while events go
// from the datapath to 16 clients.
func TestNothingAllocatedPerEvent(t *testing.T) {
	f := attached(t)
	d := f.drain(t, 16, make(chan struct{}))
	measure := func(batches int) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range batches {
			d.emit(t, f)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	measure(20)
	n := measure(200)
	t.Logf("%d allocations for %d events and 16 clients, those of the emitter included", n, 200*batch)
	require.Less(t, n, uint64(200*batch/10))
}

// BenchmarkFanOut is the way of an event from the datapath to N clients that read.
func BenchmarkFanOut(b *testing.B) {
	for _, clients := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			f := attached(b)
			d := f.drain(b, clients, make(chan struct{}))
			b.ReportAllocs()
			for b.Loop() {
				d.emit(b, f)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/event")
		})
	}
}

// BenchmarkConsumer is the way of an event from the datapath to a consumer.
func BenchmarkConsumer(b *testing.B) {
	f := attached(b)
	c := countingConsumer{counts: make(chan struct{}, batch)}
	f.RegisterNewConsumer(&c)
	b.ReportAllocs()
	for b.Loop() {
		if err := testutils.OnCPU(0, func() error { return f.gen.EmitTrace(batch) }); err != nil {
			b.Fatal(err)
		}
		for range batch {
			<-c.counts
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/event")
}

type countingConsumer struct{ counts chan struct{} }

func (c *countingConsumer) NotifyAgentEvent(int, any)       { c.counts <- struct{}{} }
func (c *countingConsumer) NotifyPerfEvent([]byte, int)     { c.counts <- struct{}{} }
func (c *countingConsumer) NotifyPerfEventLost(uint64, int) {}

// BenchmarkConsumerCalls is what it costs to call consumers: with a batch of a source, and with one
// event of user space.
func BenchmarkConsumerCalls(b *testing.B) {
	for _, consumers := range []int{1, 4} {
		var last *freeConsumer
		register := func(b *testing.B) *fixture {
			f := start(b)
			for range consumers - 1 {
				f.RegisterNewConsumer(&freeConsumer{})
			}
			last = &freeConsumer{done: make(chan struct{}, 1)}
			f.RegisterNewConsumer(last)
			return f
		}
		b.Run(fmt.Sprintf("source/consumers=%d", consumers), func(b *testing.B) {
			f := register(b)
			src := &fakeSource{}
			if err := f.AttachSource("fake", src); err != nil {
				b.Fatal(err)
			}
			samples := slices.Repeat([]string{"sample"}, batch)
			for b.Loop() {
				src.write(samples...)
				<-last.done
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/event")
		})
		b.Run(fmt.Sprintf("user/consumers=%d", consumers), func(b *testing.B) {
			f := register(b)
			for b.Loop() {
				if err := f.SendEvent(api.MessageTypeAgent, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// freeConsumer does next to nothing.
type freeConsumer struct {
	n    int
	done chan struct{} // gets one for each batch, unless it is nil
}

func (c *freeConsumer) NotifyAgentEvent(int, any) {}
func (c *freeConsumer) NotifyPerfEvent([]byte, int) {
	if c.n++; c.done != nil && c.n%batch == 0 {
		c.done <- struct{}{}
	}
}
func (c *freeConsumer) NotifyPerfEventLost(uint64, int) {}

// BenchmarkSendEvent sends an agent notification to N clients.
func BenchmarkSendEvent(b *testing.B) {
	msg := api.IPCacheUpsertedMessage(api.IPCacheNotification{
		CIDR: "10.1.2.3/32", Identity: 4711, HostIP: netip.AddrFrom4([4]byte{192, 168, 0, 1}), Namespace: "kube-system", PodName: "coredns",
	})
	for _, clients := range []int{0, 1, 16} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			f := attached(b)
			f.drain(b, clients, nil)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.SendEvent(api.MessageTypeAgent, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
