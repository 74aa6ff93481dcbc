// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/bench/internal/agentproc"
	"github.com/cilium/monitor/testutils"
)

// datapath emits events on all CPUs, as fast as it can, into a map that is pinned anew now and then.
type datapath struct {
	// cpus are locked while something is emitted on that CPU: who takes one keeps it quiet.
	cpus []sync.Mutex

	mu        sync.RWMutex // guards what follows; held for reading while emitting
	generator *testutils.Generator
	past      testutils.Counters // of the generators before
}

// newDatapath pins an events map where agents look for it.
func newDatapath(cpus int) (*datapath, error) {
	d := &datapath{cpus: make([]sync.Mutex, cpus)}
	return d, d.load()
}

// load pins a new map. The caller holds d.mu, or is the only one.
func (d *datapath) load() error {
	g, err := testutils.NewGenerator(testutils.GeneratorOptions{})
	if err != nil {
		return err
	}
	if err := g.Pin(agentproc.EventsMapPath); err != nil {
		return errors.Join(err, g.Close())
	}
	d.generator = g
	return nil
}

// restart removes the map and pins another one, as a datapath does that is loaded again.
func (d *datapath) restart() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.generator.Counters()
	if err != nil {
		return err
	}
	d.past = sum(d.past, c)
	if err := d.generator.Close(); err != nil {
		return err
	}
	return d.load()
}

// takeOut removes the reader's perf event of a CPU from the map, if there is one.
func (d *datapath) takeOut(cpu int) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.generator.Map().Delete(uint32(cpu)); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
		return fmt.Errorf("taking the perf event of CPU %d out of the map: %w", cpu, err)
	}
	return nil
}

// counters returns those of all generators there were.
func (d *datapath) counters() (testutils.Counters, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	c, err := d.generator.Counters()
	return sum(d.past, c), err
}

func (d *datapath) close() error { return d.generator.Close() }

func sum(a, b testutils.Counters) testutils.Counters {
	a.Written += b.Written
	a.NoReader += b.NoReader
	a.NoSpace += b.NoSpace
	a.Failed += b.Failed
	return a
}

// run emits on all CPUs until ctx ends: most of the time flat out, with a pause now and then, in which
// readers catch up, and which is longer at less than the full load.
func (d *datapath) run(ctx context.Context, share float64) error {
	errs := make([]error, len(d.cpus))
	var wg sync.WaitGroup
	for cpu := range d.cpus {
		wg.Go(func() {
			for ctx.Err() == nil && errs[cpu] == nil {
				flatOut := time.Now().Add(time.Duration(share * float64(rand.N(time.Second))))
				for ctx.Err() == nil && errs[cpu] == nil && time.Now().Before(flatOut) {
					errs[cpu] = d.emit(cpu)
				}
				pause(ctx, stretch(50*time.Millisecond, share))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (d *datapath) emit(cpu int) error {
	d.cpus[cpu].Lock()
	defer d.cpus[cpu].Unlock()
	d.mu.RLock()
	defer d.mu.RUnlock()
	return testutils.OnCPU(cpu, func() error {
		if rand.IntN(8) == 0 {
			return d.generator.EmitSample(sample(), 1+rand.IntN(16))
		}
		return d.generator.EmitTrace(1 + rand.IntN(1024))
	})
}

// sample returns a sample of any size, of which small ones are the most.
func sample() []byte {
	most := 400
	if rand.IntN(16) == 0 {
		most = testutils.MaxSampleLen
	}
	s := make([]byte, len(sampleMark)+rand.IntN(most-len(sampleMark)+1))
	copy(s, sampleMark)
	return s
}
