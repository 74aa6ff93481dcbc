// SPDX-License-Identifier: Apache-2.0

package testutils

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/cilium/hive"
	"github.com/cilium/hive/cell"

	"github.com/cilium/monitor"
)

var errSettled = errors.New("the datapath is ready or has failed already")

// FakeDatapath stands in for the datapath of a program: it becomes ready, or fails, when the
// test says so. The events are real ones, of a [Generator]. Its methods may be called
// concurrently.
type FakeDatapath struct {
	eventsMap string
	announced chan struct{} // closed by the first BecomeReady or Fail

	mu        sync.RWMutex // guards what follows; held for reading while emitting
	settled   bool         // announced is closed
	err       error        // what Ready returns then
	opts      GeneratorOptions
	generator *Generator // nil until it is needed
	closed    bool
}

// NewFakeDatapath returns a datapath that pins its events map at eventsMap, see
// [EventsMapPath]. It loads nothing before it is asked to become ready or to emit; then
// it needs root. It is closed at the end of the test. opts say which kind of map that is, at most
// one is given.
func NewFakeDatapath(t testing.TB, eventsMap string, opts ...GeneratorOptions) *FakeDatapath {
	t.Helper()
	d := &FakeDatapath{eventsMap: eventsMap, announced: make(chan struct{})}
	for _, o := range opts {
		d.opts = o
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Errorf("close the fake datapath: %v", err)
		}
	})
	return d
}

// FakeDatapathCell provides a FakeDatapath, its monitor.DatapathReady, and commands for it:
// datapath/ready, datapath/fail, datapath/emit and datapath/traffic. The events map is
// the one of --monitor-events-map. The datapath outlives the hive, until the end of the
// test. opts are as in [NewFakeDatapath].
func FakeDatapathCell(t testing.TB, opts ...GeneratorOptions) cell.Cell {
	return cell.Module(
		"fake-datapath",
		"A datapath that does what a test says",

		cell.Provide(
			func(cfg monitor.AgentConfig) *FakeDatapath { return NewFakeDatapath(t, cfg.MonitorEventsMap, opts...) },
			func(d *FakeDatapath) monitor.DatapathReady { return d.Ready },
			func(d *FakeDatapath) hive.ScriptCmdsOut { return hive.NewScriptCmds(datapathCommands(d)) },
		),
	)
}

// Ready implements monitor.DatapathReady.
func (d *FakeDatapath) Ready(ctx context.Context) error {
	select {
	case <-d.announced:
		d.mu.RLock()
		defer d.mu.RUnlock()
		return d.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// UseRingBuffer has the events map be a ring buffer of so many bytes, see
// [GeneratorOptions.RingBufferSize]. It comes before BecomeReady and Emit.
func (d *FakeDatapath) UseRingBuffer(bytes int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.generator != nil {
		return errors.New("the datapath has an events map already")
	}
	d.opts.RingBufferSize = bytes
	return nil
}

// BecomeReady pins the events map and makes Ready return nil. It can be done once, and not
// after Fail.
func (d *FakeDatapath) BecomeReady() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled {
		return errSettled
	}
	if err := d.loadLocked(); err != nil {
		return err
	}
	if err := d.generator.Pin(d.eventsMap); err != nil {
		return err
	}
	d.settleLocked(nil)
	return nil
}

// Fail makes Ready return err. It can be done once, and not after BecomeReady.
func (d *FakeDatapath) Fail(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled {
		return errSettled
	}
	d.settleLocked(err)
	return nil
}

// settleLocked makes Ready return err. The caller holds d.mu.
func (d *FakeDatapath) settleLocked(err error) {
	d.settled, d.err = true, err
	close(d.announced)
}

// Emit emits n trace events, see [Generator.EmitTrace], and returns what became of them. What
// others emit at the same time is counted with them. After the end of the test the error
// is os.ErrClosed.
func (d *FakeDatapath) Emit(n int) (Counters, error) {
	return d.emit(func(g *Generator) error { return g.EmitTrace(n) })
}

// EmitSample emits n events of any type, as Emit does trace events: each is sample, see
// [Generator.EmitSample]. The structs of package api make one by Append.
func (d *FakeDatapath) EmitSample(sample []byte, n int) (Counters, error) {
	return d.emit(func(g *Generator) error { return g.EmitSample(sample, n) })
}

// emit has the generator emit events and returns what became of them.
func (d *FakeDatapath) emit(events func(*Generator) error) (Counters, error) {
	d.mu.Lock()
	err := d.loadLocked()
	d.mu.Unlock()
	if err != nil {
		return Counters{}, err
	}

	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return Counters{}, os.ErrClosed
	}
	before, err := d.generator.Counters()
	if err != nil {
		return Counters{}, err
	}
	if err := events(d.generator); err != nil {
		return Counters{}, err
	}
	after, err := d.generator.Counters()
	return Counters{
		Written:  after.Written - before.Written,
		NoReader: after.NoReader - before.NoReader,
		NoSpace:  after.NoSpace - before.NoSpace,
		Failed:   after.Failed - before.Failed,
	}, err
}

// loadLocked loads the generator if it is not loaded. The caller holds d.mu.
func (d *FakeDatapath) loadLocked() (err error) {
	if d.closed {
		return os.ErrClosed
	}
	if d.generator == nil {
		d.generator, err = NewGenerator(d.opts)
	}
	return err
}

func (d *FakeDatapath) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.generator == nil {
		return nil
	}
	return d.generator.Close()
}
