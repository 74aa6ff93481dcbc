// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cilium/monitor/api/payload"
)

// TestBuckets has each number of events in the first bucket whose limit it does not exceed.
func TestBuckets(t *testing.T) {
	for n := range 5000 {
		b := bucket(n)
		if bound := upperBound(b); bound >= 0 {
			require.LessOrEqual(t, n, bound)
		}
		if b > 0 {
			require.Greater(t, n, upperBound(b-1))
		}
	}
	require.Equal(t, pollBuckets-1, bucket(1<<30))
	require.Equal(t, -1, upperBound(pollBuckets-1))
}

// BenchmarkCounters is what counting adds to the way of an event that comes in a batch of 32,
// and to a poll of the reader.
func BenchmarkCounters(b *testing.B) {
	c := counters{start: time.Now()}
	records := make([]payload.Payload, 32)
	for i := range records {
		records[i].Data = []byte{byte(i % 8), 0, 0, 0}
	}
	now := time.Now()
	b.Run("batch", func(b *testing.B) {
		for b.Loop() {
			c.read(records, now)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/event")
	})
	b.Run("poll", func(b *testing.B) {
		for b.Loop() {
			c.polled(true, len(records))
		}
	})
}
