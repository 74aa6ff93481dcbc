// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"math/bits"
	"time"
)

// subBuckets is how many buckets each power of two is divided into: values are
// known to 3 %.
const subBuckets = 32

// Histogram counts durations, by the index of a bucket of known width.
type Histogram map[int]uint64

// Add counts one duration.
func (h Histogram) Add(d time.Duration) { h[bucket(uint64(max(d, 0)))]++ }

// Merge adds the counts of other.
func (h Histogram) Merge(other Histogram) {
	for b, n := range other {
		h[b] += n
	}
}

// Quantile returns the duration that the share q of all lie at or below, 0 if
// there are none.
func (h Histogram) Quantile(q float64) time.Duration {
	var total, seen uint64
	last := 0
	for b, n := range h {
		total += n
		last = max(last, b)
	}
	if total == 0 {
		return 0
	}
	for b := 0; b <= last; b++ {
		if seen += h[b]; float64(seen) >= q*float64(total) {
			return time.Duration(bucketEnd(b))
		}
	}
	return time.Duration(bucketEnd(last))
}

func bucket(v uint64) int {
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - bits.Len64(subBuckets)
	return shift*subBuckets + int(v>>shift)
}

// bucketEnd is the largest value in bucket b.
func bucketEnd(b int) uint64 {
	if b < 2*subBuckets {
		return uint64(b)
	}
	shift := b/subBuckets - 1
	return uint64(b-shift*subBuckets+1)<<shift - 1
}
