// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHistogramQuantile(t *testing.T) {
	h := Histogram{}
	require.Zero(t, h.Quantile(.5))
	for i := range 1000 {
		h.Add(time.Duration(i+1) * time.Microsecond)
	}
	for _, q := range []float64{.01, .5, .99, 1} {
		want := q * float64(time.Millisecond)
		require.InEpsilon(t, want, float64(h.Quantile(q)), 1./subBuckets)
	}
}

func TestHistogramMerge(t *testing.T) {
	a, b := Histogram{}, Histogram{}
	a.Add(10)
	b.Add(10)
	b.Add(20)
	a.Merge(b)
	require.Equal(t, Histogram{10: 2, 20: 1}, a)
}

func TestBucketsCoverEveryDurationOnce(t *testing.T) {
	next := uint64(0)
	for b := range bucket(math.MaxInt64) {
		require.Equal(t, b, bucket(next))
		require.Equal(t, b, bucket(bucketEnd(b)))
		next = bucketEnd(b) + 1
	}
}
