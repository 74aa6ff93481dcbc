// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf/perf"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/bench/internal/load"
)

const floorRingSize = agentproc.PerfPages * 4096 // as big as the agents'

// measureFloor puts the load on a reader that the kernel never wakes: a timer
// empties the rings before they are full.
func measureFloor(em *load.Emitter, rate float64, d time.Duration) (f figures, err error) {
	err = withoutWakeups(em, func() error {
		if _, err := em.Run(max(rate, 1000), warmUp); err != nil {
			return err
		}
		f, err = measureTax(em, func() error {
			_, err := em.Run(rate, d)
			return err
		})
		return err
	})
	return f, err
}

// measureTax measures what events cost the datapath while run has the source emit them.
func measureTax(from source, run func() error) (f figures, err error) {
	before, err := from.Counters()
	if err != nil {
		return f, err
	}
	start := time.Now()
	if err := run(); err != nil {
		return f, err
	}
	took := time.Since(start)
	after, err := from.Counters()
	if err != nil {
		return f, err
	}
	n := float64(after.Total() - before.Total())
	return figures{Rate: n / took.Seconds(), Tax: float64(after.Time-before.Time) / n}, nil
}

// withoutWakeups calls f while a reader that the kernel never wakes has the rings.
func withoutWakeups(em *load.Emitter, f func() error) (err error) {
	const period = 200 * time.Microsecond
	rd, err := perf.NewReaderWithOptions(em.Map(), floorRingSize, perf.ReaderOptions{Watermark: floorRingSize - 1})
	if err != nil {
		return err
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
	return f()
}

// withWakeups calls f while a reader that sleeps until the kernel wakes it, at each event, has the rings.
func withWakeups(em *load.Emitter, f func() error) (err error) {
	rd, err := perf.NewReader(em.Map(), floorRingSize)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() {
		var rec perf.Record
		var err error
		for err == nil {
			err = rd.ReadInto(&rec)
		}
		if errors.Is(err, os.ErrClosed) {
			err = nil
		}
		ended <- err
	}()
	defer func() { err = errors.Join(err, rd.Close(), <-ended) }()
	return f()
}

// measureWakeup measures what one wake-up costs the datapath, in nanoseconds: the difference that it makes
// to events that come one by one.
func measureWakeup(em *load.Emitter, d time.Duration) (float64, error) {
	one := load.Shape{Burst: 1, Rate: 1000, CPUs: 1}
	tax := func(read func(*load.Emitter, func() error) error) (tax float64, err error) {
		err = read(em, func() error {
			f, err := measureTax(em, func() error {
				_, err := em.RunShape(one, d, 0)
				return err
			})
			tax = f.Tax
			return err
		})
		return tax, err
	}
	without, err := tax(withoutWakeups)
	if err != nil {
		return 0, err
	}
	with, err := tax(withWakeups)
	return with - without, err
}
