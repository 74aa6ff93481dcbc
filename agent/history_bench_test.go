// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/api/payload"
	"github.com/cilium/monitor/api/session"
	monitorclient "github.com/cilium/monitor/client"
	"github.com/cilium/monitor/interest"
	"github.com/cilium/monitor/testutils"
)

// BenchmarkHistoryLast asks for the last events of a full history of 16 MiB, from connecting to the last one: of those that it has
// most of, and of a type that it has none of, for which all of it is looked through.
func BenchmarkHistoryLast(b *testing.B) {
	const size = 16 << 20
	f := attached(b, agent.WithHistory(interest.Interest{}, size))
	serveSessions(b, f)
	for full := false; !full; {
		before := f.Stats().History.Oldest
		require.NoError(b, testutils.OnCPU(0, func() error { return f.gen.EmitTrace(batch) }))
		require.NoError(b, f.Flush(b.Context()))
		full = !before.IsZero() && f.Stats().History.Oldest.After(before)
	}
	b.Logf("%d events", f.Stats().History.Payloads)
	for name, tc := range map[string]struct {
		typ    int
		events int
	}{"last=100": {api.MessageTypeTrace, 100}, "none of its type": {api.MessageTypeDrop, 0}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c, err := monitorclient.DialRequest(b.Context(), f.socket, &session.Request{
					Types: []int{tc.typ}, From: session.From{Last: 100}, HistoryOnly: true,
				})
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for e, err := range c.Events() {
					if err == nil && e.Type == payload.EventSample {
						n++
					}
				}
				if n != tc.events {
					b.Fatalf("%d events", n)
				}
				c.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "ms/request")
		})
	}
}

// BenchmarkHistory is what an event costs that is kept, beside one that a consumer counts.
func BenchmarkHistory(b *testing.B) {
	samples := slices.Repeat([]string{string(make([]byte, testutils.TraceLen))}, batch)
	for name, opts := range map[string][]agent.Option{
		"counted":          nil,
		"counted and kept": {agent.WithHistory(interest.Interest{}, 16<<20)},
	} {
		b.Run(name, func(b *testing.B) {
			f := start(b, opts...)
			c := &freeConsumer{done: make(chan struct{}, 1)}
			f.RegisterNewConsumer(c)
			src := &fakeSource{}
			require.NoError(b, f.AttachSource("fake", src))
			for b.Loop() {
				src.write(samples...)
				<-c.done
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/event")
		})
	}
}
