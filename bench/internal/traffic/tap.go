// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/cilium/monitor/bench/internal/load"
	"github.com/cilium/monitor/testutils"
)

// TimeOffset is where in an event of a [Tap] the time of its emission is, as bpf_ktime_get_ns gives
// it: in orig_ip and mark, which have nothing else to tell.
const TimeOffset = 32

// Tap reports each packet of a device to the events map of an emitter.
type Tap struct {
	objects tapObjects
	emitter *load.Emitter
}

// NewTap loads the programs.
func NewTap(emitter *load.Emitter) (*Tap, error) {
	spec, err := loadTap()
	if err != nil {
		return nil, err
	}
	t := &Tap{emitter: emitter}
	replace := ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{tapMapCiliumEvents: emitter.Map()}}
	spec.Maps[tapMapCiliumEvents].MaxEntries = emitter.Map().MaxEntries()
	if err := spec.LoadAndAssign(&t.objects, &replace); err != nil {
		return nil, fmt.Errorf("loading the programs of the tap: %w", err)
	}
	return t, nil
}

// Close unloads the programs.
func (t *Tap) Close() error { return t.objects.Close() }

// While calls f with the programs attached to the device of that index.
func (t *Tap) While(device int, f func() error) (err error) {
	for _, at := range []struct {
		program *ebpf.Program
		attach  ebpf.AttachType
	}{{t.objects.TapIngress, ebpf.AttachTCXIngress}, {t.objects.TapEgress, ebpf.AttachTCXEgress}} {
		l, err := link.AttachTCX(link.TCXOptions{Interface: device, Program: at.program, Attach: at.attach})
		if err != nil {
			return fmt.Errorf("attaching the tap: %w", err)
		}
		defer func() { err = errors.Join(err, l.Close()) }()
	}
	return f()
}

// Counters returns what became of the events of the tap and of the emitter.
func (t *Tap) Counters() (testutils.Counters, error) {
	sum, err := t.emitter.Counters()
	if err != nil {
		return sum, err
	}
	var cpus []tapTapCounters
	if err := t.objects.Counters.Lookup(uint32(0), &cpus); err != nil {
		return sum, fmt.Errorf("reading the counters of the tap: %w", err)
	}
	for _, c := range cpus {
		sum.Written += c.Written
		sum.NoReader += c.NoReader
		sum.NoSpace += c.NoSpace
		sum.Failed += c.Failed
		sum.Time += time.Duration(c.Nanoseconds)
	}
	return sum, nil
}

// EmitOnEach emits an event on each CPU, without a time.
func (t *Tap) EmitOnEach() error { return t.emitter.EmitOnEach() }
