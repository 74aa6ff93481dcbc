// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"os"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/internal/suppressed"
	"github.com/cilium/monitor/internal/wanted"
)

// Names that the kernel has for the maps of an embedded datapath, which tell them from those of
// others.
const (
	eventsMapName = "monitor_events"
	wantedMapName = "monitor_wanted"
	lossesMapName = "monitor_lost"

	suppressedMapName = "monitor_suppr"
)

// Options says what a datapath does.
type Options struct {
	// Devices are the names of the network devices to attach to, at least one,
	// in the network namespace of the thread that calls [Load], and patterns, see [IsDevicePattern].
	Devices []string

	// Deny are the rules for the packets to drop, at most [MaxRules].
	Deny []Rule

	// EventsMap is the path to pin the events map at, as by [PinMap]. Without
	// CAP_SYS_ADMIN, a map of an embedded datapath that is pinned there already is taken
	// over: events are written to it, and it stays pinned at the end.
	//
	// Beside it, at the path with "_wanted" behind it, the map is pinned that says which
	// events are wanted, see wanted.h. Everything is, until somebody writes to it.
	EventsMap string

	// RingBufferSize makes the events map a ring buffer of so many bytes, a power of two and at least a
	// page, in place of a perf event array. Its losses are counted as ringbuf_losses.h has it. See
	// [DefaultRingBufferSize].
	RingBufferSize int

	// RateLimits are how many events the datapath makes at most. What it suppresses is counted in a map that is pinned
	// beside the events map as well, at its path with "_suppressed" behind it, see suppressed.h.
	RateLimits RateLimits

	// TraceInterval is how often a flow is traced of whose packets there is nothing new to tell, see aggregate.h. If
	// it is 0 all packets are traced.
	TraceInterval time.Duration

	// DevicesChanged, if it is not nil, is called when the datapath is not attached to all
	// devices any more, with an error that names them, again when they are others, and with nil once it
	// is attached to all. Calls come one after the other, none after [Datapath.Close], which
	// waits for one that runs.
	DevicesChanged func(error)

	withoutTCX bool // attach as on a kernel that has none
}

// Datapath is a datapath that runs. If the process is killed, the pin of the events map
// outlives it, and so do the programs where the kernel has no TCX, until the next [Load]: of
// the same path for the pin, in the same network namespace for the programs.
type Datapath struct {
	objects  hostObjects
	pins     []*MapPin // those that are ours
	tookOver bool      // the events map is not, it was left behind by another datapath
	keeper   *keeper   // nil if it did not start

	withoutStates error // why traces lack states of connections, some or all
}

// Load loads the programs, pins the events map and attaches to the devices. All of them
// have to be there that are no patterns. When later one is deleted and made again, or renamed, or somebody
// detaches the programs, they are attached again to the device that has the name, within two seconds.
func Load(opts Options) (*Datapath, error) {
	if len(opts.Devices) == 0 {
		return nil, errors.New("no device to attach the datapath to")
	}
	if err := checkDevices(opts.Devices); err != nil {
		return nil, err
	}
	d := &Datapath{}
	if err := d.start(opts); err != nil {
		if errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 {
			err = fmt.Errorf("%w (the datapath needs root, or CAP_BPF, CAP_NET_ADMIN and access to the bpffs)", err)
		}
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Datapath) start(opts Options) (err error) {
	spec, err := loadHost()
	if err != nil {
		return err
	}
	if err := setRules(spec, opts.Deny); err != nil {
		return err
	}
	if err := opts.setKind(spec); err != nil {
		return err
	}
	if err := opts.RateLimits.set(spec); err != nil {
		return err
	}
	if err := setAggregation(spec, opts.TraceInterval); err != nil {
		return err
	}
	pinned := pinnedMaps(spec, opts.EventsMap, opts.RingBufferSize > 0)
	stale, err := findStaleMaps(pinned)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll(stale)) }()
	d.withoutStates, err = loadHostPrograms(spec, &d.objects, &ebpf.CollectionOptions{MapReplacements: stale})
	if err != nil {
		return fmt.Errorf("load the datapath's programs: %w", err)
	}
	if m := stale[hostMapEventsWanted]; m != nil {
		if err := m.Put(uint32(0), wanted.Value{}); err != nil {
			return fmt.Errorf("reset the map of what is wanted that was left behind: %w", err)
		}
	}
	d.tookOver = stale[hostMapCiliumEvents] != nil || stale[hostMapEventsRingbuf] != nil
	maps := map[string]*ebpf.Map{
		hostMapCiliumEvents:  d.objects.CiliumEvents,
		hostMapEventsRingbuf: d.objects.EventsRingbuf,
		hostMapEventsLost:    d.objects.EventsLost,
		hostMapEventsWanted:  d.objects.EventsWanted,

		hostMapEventsSuppressed: d.objects.EventsSuppressed,
	}
	for _, p := range pinned {
		if stale[p.name] != nil {
			continue
		}
		pin, err := PinMap(maps[p.name], p.path)
		if err != nil {
			return err
		}
		d.pins = append(d.pins, pin)
	}
	d.keeper, err = startKeeper(&opts, &d.objects.hostPrograms, d.objects.Traffic)
	return err
}

// pinnedMap is a map of the embedded datapath that is pinned.
type pinnedMap struct {
	name string // in the collection
	spec *ebpf.MapSpec
	path string
}

// pinnedMaps are in the order in which they are pinned: whoever finds the events map finds all.
func pinnedMaps(spec *ebpf.CollectionSpec, path string, ringBuffer bool) (pinned []pinnedMap) {
	add := func(name, kernelName, path string) {
		spec.Maps[name].Name = kernelName
		pinned = append(pinned, pinnedMap{name, spec.Maps[name], path})
	}
	add(hostMapEventsWanted, wantedMapName, path+wanted.Suffix)
	add(hostMapEventsSuppressed, suppressedMapName, path+suppressed.Suffix)
	if ringBuffer {
		add(hostMapEventsLost, lossesMapName, path+agent.RingBufferLossesSuffix)
		add(hostMapEventsRingbuf, eventsMapName, path)
	} else {
		add(hostMapCiliumEvents, eventsMapName, path)
	}
	return pinned
}

// findStaleMaps opens those of the maps that are to be taken over, by their names.
func findStaleMaps(pinned []pinnedMap) (map[string]*ebpf.Map, error) {
	stale := make(map[string]*ebpf.Map)
	for _, p := range pinned {
		m, err := findStaleMap(p.spec, p.path)
		if err != nil {
			return nil, errors.Join(err, closeAll(stale))
		}
		if m != nil {
			stale[p.name] = m
		}
	}
	return stale, nil
}

func closeAll(maps map[string]*ebpf.Map) (err error) {
	for _, m := range maps {
		err = errors.Join(err, m.Close())
	}
	return err
}

// setKind has the programs write into the kind of map that was asked for.
func (opts *Options) setKind(spec *ebpf.CollectionSpec) error {
	if opts.RingBufferSize == 0 {
		return nil
	}
	if opts.RingBufferSize < 0 || opts.RingBufferSize > math.MaxUint32 {
		return fmt.Errorf("a ring buffer of %d bytes", opts.RingBufferSize)
	}
	spec.Maps[hostMapEventsRingbuf].MaxEntries = uint32(opts.RingBufferSize)
	return spec.Variables[hostVarUseRingbuf].Set(true)
}

// DefaultRingBufferSize is the size of the ring buffer in bytes that [Cell] makes: 256 KiB for each possible
// CPU, as much as perf ring buffers have by default, up to 8 MiB.
func DefaultRingBufferSize() int {
	const perCPU, most = 256 << 10, 8 << 20
	return min(perCPU<<bits.Len(uint(ebpf.MustPossibleCPU()-1)), most)
}

func setRules(spec *ebpf.CollectionSpec, rules []Rule) error {
	if len(rules) > MaxRules {
		return fmt.Errorf("%d deny rules, at most %d are possible", len(rules), MaxRules)
	}
	contents := make([]ebpf.MapKV, 0, len(rules))
	for i, rule := range rules {
		entry, err := rule.entry(i + 1)
		if err != nil {
			return err
		}
		contents = append(contents, ebpf.MapKV{Key: uint32(i), Value: entry})
	}
	spec.Maps[hostMapDenyRules].Contents = contents
	return spec.Variables[hostVarDenyRuleCount].Set(uint32(len(rules)))
}

// Close detaches and unloads the programs and removes the pin with all that was made
// for it. Only the first call does anything.
func (d *Datapath) Close() error {
	var errs []error
	if d.keeper != nil {
		errs = append(errs, d.keeper.stop())
		d.keeper = nil
	}
	for _, pin := range slices.Backward(d.pins) {
		errs = append(errs, pin.Remove())
	}
	d.pins = nil
	errs = append(errs, d.objects.Close())
	return errors.Join(errs...)
}
