// SPDX-License-Identifier: Apache-2.0

package metrics_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/testutils"
)

// batch is how many events are emitted before the benchmark waits for them.
const batch = 500

// BenchmarkScraped is the way of an event from the datapath to a consumer while metrics are not
// scraped, and while they are scraped a hundred times as often as Prometheus does.
func BenchmarkScraped(b *testing.B) {
	for _, every := range []time.Duration{0, 150 * time.Millisecond} {
		name := fmt.Sprint("every=", every)
		if every == 0 {
			name = "every=never"
		}
		b.Run(name, func(b *testing.B) {
			f := newFixture(b, 64)
			consumer := &batchConsumer{complete: make(chan struct{}, 1)}
			f.RegisterNewConsumer(consumer)
			if every > 0 {
				defer f.scrape(b, every)()
			}
			for b.Loop() {
				if err := testutils.OnCPU(0, func() error { return f.gen.EmitTrace(batch) }); err != nil {
					b.Fatal(err)
				}
				<-consumer.complete
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/event")
		})
	}
}

// scrape gathers the metrics at intervals until it is stopped.
func (f *fixture) scrape(b *testing.B, every time.Duration) (stop func()) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(f.collector)
	ctx, cancel := context.WithCancel(b.Context())
	var scraper sync.WaitGroup
	scraper.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if _, err := registry.Gather(); err != nil {
				b.Error(err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() { cancel(); scraper.Wait() }
}

// batchConsumer tells when another batch is complete.
type batchConsumer struct {
	events   int
	complete chan struct{}
}

func (c *batchConsumer) NotifyAgentEvent(int, any)              {}
func (c *batchConsumer) NotifyPerfEvent([]byte, int)            { c.add(1) }
func (c *batchConsumer) NotifyPerfEventLost(lost uint64, _ int) { c.add(int(lost)) }

func (c *batchConsumer) add(n int) {
	if c.events += n; c.events >= batch {
		c.events -= batch
		c.complete <- struct{}{}
	}
}

// BenchmarkCollect is one scrape of an agent with as many clients as it takes.
func BenchmarkCollect(b *testing.B) {
	f := newFixture(b, 64)
	for range agent.DefaultMaxClients {
		f.connect(b)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(f.collector)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := registry.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
