// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// eventsMapName is the kernel's name for the events map of an embedded datapath, which tells
// it from that of Cilium's.
const eventsMapName = "monitor_events"

// Options says what a datapath does.
type Options struct {
	// Devices are the names of the network devices to attach to, at least one,
	// in the network namespace of the thread that calls [Load].
	Devices []string

	// Deny are the rules for the packets to drop, at most [MaxRules].
	Deny []Rule

	// EventsMap is the path to pin the events map at, as by [PinMap]. Without
	// CAP_SYS_ADMIN, a map of an embedded datapath that is pinned there already is taken
	// over: events are written to it, and it stays pinned at the end.
	EventsMap string
}

// Datapath is a datapath that runs. The kernel ends it with the process, even one
// that is killed; only the pin of the events map outlives that, until the next
// [Load] with the same path.
type Datapath struct {
	objects hostObjects
	pin     *MapPin // nil if it is not ours
	links   []link.Link
}

// Load loads the programs, pins the events map and attaches to the devices.
// A device that is deleted later stays away: the datapath does not attach to a
// new one of the same name.
func Load(opts Options) (*Datapath, error) {
	if len(opts.Devices) == 0 {
		return nil, errors.New("no device to attach the datapath to")
	}
	devices, err := findDevices(opts.Devices)
	if err != nil {
		return nil, err
	}
	d := &Datapath{}
	if err := d.start(devices, opts); err != nil {
		if errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 {
			err = fmt.Errorf("%w (the datapath needs root, or CAP_BPF, CAP_NET_ADMIN and access to the bpffs)", err)
		}
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Datapath) start(devices []device, opts Options) error {
	spec, err := loadHost()
	if err != nil {
		return err
	}
	if err := setRules(spec, opts.Deny); err != nil {
		return err
	}
	spec.Maps[hostMapCiliumEvents].Name = eventsMapName
	stale, err := findStaleMap(spec.Maps[hostMapCiliumEvents], opts.EventsMap)
	if err != nil {
		return err
	}
	var collection ebpf.CollectionOptions
	if stale != nil {
		defer stale.Close()
		collection.MapReplacements = map[string]*ebpf.Map{hostMapCiliumEvents: stale}
	}
	if err := spec.LoadAndAssign(&d.objects, &collection); err != nil {
		return fmt.Errorf("load the datapath's programs: %w", err)
	}
	if stale == nil {
		if d.pin, err = PinMap(d.objects.CiliumEvents, opts.EventsMap); err != nil {
			return err
		}
	}
	for _, dev := range devices {
		if err := d.attach(dev); err != nil {
			return err
		}
	}
	return nil
}

func setRules(spec *ebpf.CollectionSpec, rules []Rule) error {
	if len(rules) > MaxRules {
		return fmt.Errorf("%d deny rules, at most %d are possible", len(rules), MaxRules)
	}
	contents := make([]ebpf.MapKV, 0, len(rules))
	for i, rule := range rules {
		entry, err := rule.entry()
		if err != nil {
			return err
		}
		contents = append(contents, ebpf.MapKV{Key: uint32(i), Value: entry})
	}
	spec.Maps[hostMapDenyRules].Contents = contents
	return spec.Variables[hostVarDenyRuleCount].Set(uint32(len(rules)))
}

// attach puts the programs in front of those that the device has, so that they
// see what others take away.
func (d *Datapath) attach(dev device) error {
	ingress, egress := d.objects.FromNetwork, d.objects.ToNetwork
	if dev.l3 {
		ingress, egress = d.objects.FromNetworkL3, d.objects.ToNetworkL3
	}
	for _, opts := range []link.TCXOptions{
		{Program: ingress, Attach: ebpf.AttachTCXIngress},
		{Program: egress, Attach: ebpf.AttachTCXEgress},
	} {
		opts.Interface = dev.index
		opts.Anchor = link.Head()
		l, err := link.AttachTCX(opts)
		if err != nil {
			return fmt.Errorf("attach to device %s: %w", dev.name, err)
		}
		d.links = append(d.links, l)
	}
	return nil
}

// Close detaches and unloads the programs and removes the pin with all that was made
// for it. Only the first call does anything.
func (d *Datapath) Close() error {
	var errs []error
	for _, l := range d.links {
		errs = append(errs, l.Close())
	}
	d.links = nil
	if d.pin != nil {
		errs = append(errs, d.pin.Remove())
		d.pin = nil
	}
	errs = append(errs, d.objects.Close())
	return errors.Join(errs...)
}
