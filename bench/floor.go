// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf/perf"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/load"
)

// measureFloor puts the load on a reader that the kernel never wakes: a timer
// empties the rings, as big as the agents', before they are full.
func measureFloor(em *load.Emitter, rate float64, d time.Duration) (f figures, err error) {
	const (
		size   = agentproc.PerfPages * 4096
		period = 200 * time.Microsecond
	)
	rd, err := perf.NewReaderWithOptions(em.Map(), size, perf.ReaderOptions{Watermark: size - 1})
	if err != nil {
		return f, err
	}
	ended := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		for tick := time.NewTicker(period); ; <-tick.C {
			select {
			case <-stop:
				tick.Stop()
				ended <- nil
				return
			default:
			}
			rd.Flush()
			var rec perf.Record
			var err error
			for err == nil {
				err = rd.ReadInto(&rec)
			}
			if !errors.Is(err, perf.ErrFlushed) {
				ended <- fmt.Errorf("reading the ring: %w", err)
				return
			}
		}
	}()
	defer func() {
		close(stop)
		err = errors.Join(err, <-ended, rd.Close())
	}()

	if _, err := em.Run(max(rate, 1000), warmUp); err != nil {
		return f, err
	}
	before, err := em.Counters()
	if err != nil {
		return f, err
	}
	took, err := em.Run(rate, d)
	if err != nil {
		return f, err
	}
	after, err := em.Counters()
	if err != nil {
		return f, err
	}
	n := float64(after.Total() - before.Total())
	return figures{Rate: n / took.Seconds(), Tax: float64(after.Time-before.Time) / n}, nil
}
