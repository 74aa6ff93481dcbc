// SPDX-License-Identifier: Apache-2.0

// Package demand is a datapath that makes only the events that somebody wants, with as many packets as it is told.
package demand

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/bpf"
	"github.com/cilium/monitor/internal/wanted"
	"github.com/cilium/monitor/testutils"
)

// The ports that [Datapath.Ports] has traffic to.
const (
	FirstPort = 1000
	Ports     = 1000
)

// Datapath runs its programs on CPU 0. Its methods are for one goroutine.
type Datapath struct {
	objects programsObjects
	pins    []*bpf.MapPin
}

// New loads the programs, and pins their events map at path and beside it the map that says what is wanted.
func New(path string) (_ *Datapath, err error) {
	d := &Datapath{}
	if err := loadProgramsObjects(&d.objects, nil); err != nil {
		return nil, fmt.Errorf("loading the programs of the demand: %w", err)
	}
	for _, p := range []struct {
		m    *ebpf.Map
		path string
	}{{d.objects.Wanted, path + wanted.Suffix}, {d.objects.CiliumEvents, path}} {
		pin, err := bpf.PinMap(p.m, p.path)
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.pins = append(d.pins, pin)
	}
	return d, nil
}

// Close unpins the maps and unloads the programs.
func (d *Datapath) Close() error {
	var errs []error
	for _, pin := range d.pins {
		errs = append(errs, pin.Remove())
	}
	return errors.Join(append(errs, d.objects.Close())...)
}

// Tax returns the nanoseconds that a packet takes without an event: of a program that has no events, and of one that traces packets if
// that is wanted. It is the least of some rounds, which take turns, so that nothing else is in it.
func (d *Datapath) Tax() (silent, traced float64, err error) {
	const rounds, packets = 20, 200_000
	silent, traced = math.Inf(1), math.Inf(1)
	for range rounds {
		for _, p := range []struct {
			program *ebpf.Program
			least   *float64
		}{{d.objects.Silent, &silent}, {d.objects.Traced, &traced}} {
			took, err := run(p.program, packets, 0)
			if err != nil {
				return 0, 0, err
			}
			*p.least = min(*p.least, float64(took)/packets)
		}
	}
	return silent, traced, nil
}

// Flood has rate packets a second traced if anybody wants that, and drops one every so often.
func (d *Datapath) Flood(rate int, dropEvery, duration time.Duration) (packets, drops uint64, err error) {
	const step = time.Millisecond
	begun := time.Now()
	nextDrop := dropEvery
	for elapsed := time.Duration(0); elapsed < duration; elapsed = time.Since(begun) {
		due := uint64(elapsed.Seconds() * float64(rate))
		if n := due - packets; n > 0 {
			if _, err := run(d.objects.Traced, uint32(n), 0); err != nil {
				return packets, drops, err
			}
			packets = due
		}
		if elapsed >= nextDrop {
			if _, err := run(d.objects.Dropped, 1, 0); err != nil {
				return packets, drops, err
			}
			drops++
			nextDrop += dropEvery
		}
		time.Sleep(step - time.Since(begun)%step)
	}
	return packets, drops, nil
}

// Drop drops one packet.
func (d *Datapath) Drop() error {
	_, err := run(d.objects.Dropped, 1, 0)
	return err
}

// Ports has events of packets to one port after the other at a rate for a time.
func (d *Datapath) Ports(rate int, duration time.Duration) (events uint64, err error) {
	const step, most = time.Millisecond, 64 // as many packets as one NAPI poll has at most
	begun := time.Now()
	for elapsed := time.Duration(0); elapsed < duration; elapsed = time.Since(begun) {
		for due := uint64(elapsed.Seconds() * float64(rate)); events < due; {
			n := min(due-events, most)
			if err := d.Trace(int(n)); err != nil {
				return events, err
			}
			events += n
		}
		time.Sleep(step - time.Since(begun)%step)
	}
	return events, nil
}

// Trace has so many events of packets at once, to one port after the other.
func (d *Datapath) Trace(n int) error {
	_, err := run(d.objects.ManyPorts, 1, uint32(n))
	return err
}

// Counters say what became of the events.
type Counters struct{ Written, NoReader, NoSpace, Failed uint64 }

// Counters returns the sum over all CPUs since New.
func (d *Datapath) Counters() (sum Counters, err error) {
	var cpus []programsDemandCounters
	if err := d.objects.Counters.Lookup(uint32(0), &cpus); err != nil {
		return sum, fmt.Errorf("reading the counters of the demand: %w", err)
	}
	for _, c := range cpus {
		sum.Written += c.Written
		sum.NoReader += c.NoReader
		sum.NoSpace += c.NoSpace
		sum.Failed += c.Failed
	}
	return sum, nil
}

// run runs a program for a packet so many times. count is what the packet says.
func run(program *ebpf.Program, times, count uint32) (took time.Duration, err error) {
	packet := packet
	binary.NativeEndian.PutUint32(packet[countOffset:], count)
	err = testutils.OnCPU(0, func() error {
		begun := time.Now()
		_, err := program.Run(&ebpf.RunOptions{Data: packet[:], Repeat: times})
		took = time.Since(begun)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("running a program of the demand: %w", err)
	}
	return took, nil
}

const countOffset = 48

// packet is one from 10.0.0.1, port 40000, to 10.0.0.2.
var packet = [128]byte{
	// Ethernet: destination, source, IPv4.
	0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00,
	// IPv4: total length 114, TTL 64, UDP.
	0x45, 0x00, 0x00, 114, 0x00, 0x00, 0x00, 0x00, 64, 17, 0x66, 0x79,
	10, 0, 0, 1, 10, 0, 0, 2,
	// UDP: length 94, no checksum.
	0x9c, 0x40, 0x10, 0x92, 0x00, 94, 0x00, 0x00,
}
