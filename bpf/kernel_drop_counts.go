// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"fmt"

	"github.com/cilium/monitor/api"
	"github.com/cilium/monitor/metrics"
)

// Counts returns how many packets the kernel has dropped since the program was loaded, whether anybody was told of them or
// not. Each kind is there once; a kind that has no reason, function, device or direction is what there was no room for, since there are more
// kinds than the program tells apart. It is safe for concurrent use, but not with Close.
func (k *KernelDrops) Counts() ([]metrics.KernelDrop, error) {
	var (
		kinds  = map[metrics.KernelDrop]int{} // place in counts, by what is not counted
		counts []metrics.KernelDrop
	)
	add := func(kind metrics.KernelDrop, cpus []kernelDropsDropCount) {
		i, ok := kinds[kind]
		if !ok {
			i = len(counts)
			kinds[kind] = i
			counts = append(counts, kind)
		}
		for _, cpu := range cpus {
			counts[i].Drops += cpu.Drops
			counts[i].Limited += cpu.Limited
		}
	}
	var (
		key  kernelDropsDropKind
		cpus []kernelDropsDropCount
	)
	kindsOf := k.objects.DropCounts.Iterate()
	for kindsOf.Next(&key, &cpus) {
		add(k.kind(&key), cpus)
	}
	if err := kindsOf.Err(); err != nil {
		return nil, fmt.Errorf("read the counts of what the kernel dropped: %w", err)
	}
	if err := k.objects.OtherDrops.Lookup(uint32(0), &cpus); err != nil {
		return nil, fmt.Errorf("read the count of what the kernel dropped besides: %w", err)
	}
	add(metrics.KernelDrop{}, cpus)
	return counts, nil
}

// kind returns what is counted under a key.
func (k *KernelDrops) kind(key *kernelDropsDropKind) metrics.KernelDrop {
	function, _ := k.function(key.Location)
	kind := metrics.KernelDrop{
		Reason:   (&api.KernelDropNotify{Reason: key.Reason, ReasonName: k.reasons.name(key.Reason)}).ReasonText(),
		Function: function,
		Device:   textOf(key.Device[:]),
		Noise:    key.Noise != 0,
	}
	if key.Direction != 0 {
		kind.Direction = api.KernelDropDirectionName(key.Direction)
	}
	return kind
}

// Missed returns how many drops were neither counted nor told, since the kernel dropped a packet while the program was looking
// at another one on the same CPU: it does not run twice there (since Linux 5.19).
func (k *KernelDrops) Missed() (uint64, error) {
	stats, err := k.objects.KernelDrop.Stats()
	if err != nil {
		return 0, fmt.Errorf("read how many drops were missed: %w", err)
	}
	return stats.RecursionMisses, nil
}
