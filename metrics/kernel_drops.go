// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"cmp"

	"github.com/prometheus/client_golang/prometheus"
)

// KernelDrop counts packets of one kind that the kernel dropped.
type KernelDrop struct {
	// Of the packets; each is empty if it is not known.
	Reason, Function, Device, Direction string

	// Noise is what is no loss to anybody: it is counted apart.
	Noise bool

	Drops   uint64 // packets
	Limited uint64 // of these, those that somebody wanted to be told of and that left no event, since there were too many
}

// KernelDrops counts what the kernel drops, see package bpf. Its methods may be called concurrently.
type KernelDrops interface {
	// Counts returns each kind once.
	Counts() ([]KernelDrop, error)

	// Missed returns how many drops were not counted.
	Missed() (uint64, error)
}

// KernelDropsCollector collects the metrics of what the kernel drops. They count whether anybody watches or not. Its methods may
// be called concurrently.
type KernelDropsCollector struct {
	drops KernelDrops
}

// NewKernelDropsCollector returns the collector for d.
func NewKernelDropsCollector(d KernelDrops) *KernelDropsCollector { return &KernelDropsCollector{d} }

// Describe implements prometheus.Collector.
func (c *KernelDropsCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range ofKernelDrops {
		descs <- d
	}
}

// unknownLabel stands for what is not known: Prometheus takes an empty label for none.
const unknownLabel = "unknown"

// Collect implements prometheus.Collector.
func (c *KernelDropsCollector) Collect(metrics chan<- prometheus.Metric) {
	out := output(metrics)
	kinds, err := c.drops.Counts()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(kernelDrops, err)
		return
	}
	missed, err := c.drops.Missed()
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(kernelDropsMissed, err)
		return
	}
	noise, limited := map[[2]string]uint64{}, map[string]uint64{}
	for _, k := range kinds {
		reason, function := label(cmp.Or(k.Reason, unknownLabel)), label(cmp.Or(k.Function, unknownLabel))
		limited[reason] += k.Limited
		if k.Noise {
			noise[[2]string{reason, function}] += k.Drops
			continue
		}
		out.counter(kernelDrops, k.Drops, reason, function, label(cmp.Or(k.Device, unknownLabel)), cmp.Or(k.Direction, unknownLabel))
	}
	for kind, n := range noise {
		out.counter(kernelDropsNoise, n, kind[0], kind[1])
	}
	for reason, n := range limited {
		out.counter(kernelDropsLimited, n, reason)
	}
	out.counter(kernelDropsMissed, missed)
}
