// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
)

// Memory counts as flat if the median of its last quarter is not above that of the second one by more
// than a tenth and so many bytes. (In the first quarter everything becomes as large as it gets. What the
// event log takes goes up and down with the sizes of the events in it, up to 32 MiB.)
const flatSlack = 8 << 20

// minSamples is how many it takes to tell. There is one each second, and fewer where the agent takes
// long to answer since it hardly runs.
const minSamples = 40

func (o *outcome) flatMemory() []promise {
	return []promise{
		o.flat("heap is flat", func(m Memory) uint64 { return m.Heap }),
		o.flat("resident set is flat", func(m Memory) uint64 { return m.RSS }),
		o.flat("kernel memory of clients' sockets is flat", func(m Memory) uint64 { return m.Sockets }),
	}
}

func (o *outcome) flat(what string, of func(Memory) uint64) promise {
	n := len(o.samples)
	if n < minSamples {
		return promise{what: what, measured: fmt.Sprintf("%d samples are too few", n), open: true}
	}
	second, last := median(o.samples[n/4:n/2], of), median(o.samples[3*n/4:], of)
	return promise{
		what:     what,
		measured: fmt.Sprintf("%.1f MiB, then %.1f MiB", mib(second), mib(last)),
		kept:     last <= second+second/10+flatSlack,
	}
}

func median(samples []Memory, of func(Memory) uint64) uint64 {
	var values []uint64
	for _, m := range samples {
		values = append(values, of(m))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
