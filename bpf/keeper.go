// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netns"
)

// keepInterval is how often the keeper looks: a device that is made again is traced within
// twice that, and to look costs a few system calls.
const keepInterval = time.Second

// attachment is what attaches the programs to one device.
type attachment interface {
	// attached tells whether all of it still is, or returns an error if that can't be told.
	attached() (bool, error)
	// detach detaches what still is attached. A device that is gone is no error.
	detach() error
}

// keeper attaches the programs to devices, and again whenever a device is made again or
// somebody detached them. All of it happens on one thread, in the network namespace of
// the thread that called startKeeper.
type keeper struct {
	opts     *Options
	programs *hostPrograms
	traffic  *ebpf.Map // counts of the devices
	stopping chan struct{}
	stopped  chan error // gets what detaching gave

	mu    sync.Mutex     // guards what follows
	names map[int]string // of the devices that the programs are attached to, by index

	// Used by the keeper's thread alone.
	owner       *owner // nil unless programs are attached by clsact
	attachments map[int]attachment
	reported    string // what DevicesChanged was told last
}

// startKeeper attaches the programs to the devices that are there.
func startKeeper(opts *Options, programs *hostPrograms, traffic *ebpf.Map) (*keeper, error) {
	ns, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	defer ns.Close()
	k := &keeper{
		opts:        opts,
		programs:    programs,
		traffic:     traffic,
		names:       map[int]string{},
		stopping:    make(chan struct{}),
		stopped:     make(chan error, 1),
		attachments: map[int]attachment{},
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // to the end, as the thread may have changed its namespace
		if err := enter(ns); err != nil {
			started <- err
			return
		}
		if err := k.start(); err != nil {
			started <- errors.Join(err, k.detach())
			return
		}
		started <- nil
		k.run()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return k, nil
}

// stop detaches the programs.
func (k *keeper) stop() error {
	close(k.stopping)
	return <-k.stopped
}

// enter has the thread be in the network namespace.
func enter(ns netns.NsHandle) error {
	current, err := netns.Get()
	if err != nil {
		return fmt.Errorf("open the network namespace: %w", err)
	}
	defer current.Close()
	if current.Equal(ns) {
		return nil // to enter it takes CAP_SYS_ADMIN
	}
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	return nil
}

func (k *keeper) start() error {
	var lost error
	for _, err := range k.attachAll() {
		if !isGone(err) {
			return err
		}
		lost = errors.Join(lost, err)
	}
	k.report(lost)
	return nil
}

func (k *keeper) run() {
	tick := time.NewTicker(keepInterval)
	defer tick.Stop()
	for {
		select {
		case <-k.stopping:
			k.stopped <- k.detach()
			return
		case <-tick.C:
			k.report(errors.Join(k.attachAll()...))
		}
	}
}

// report tells DevicesChanged what is wrong with devices, if that has changed.
func (k *keeper) report(lost error) {
	text := ""
	if lost != nil {
		text = lost.Error()
	}
	if text == k.reported || k.opts.DevicesChanged == nil {
		return
	}
	k.reported = text
	k.opts.DevicesChanged(lost)
}

// attachAll attaches the programs to the devices to which they are not attached, detaches
// them from devices that do not have the names any more, and returns an error for each
// device to which they are not attached now.
func (k *keeper) attachAll() (errs []error) {
	wanted, errs, unknown := findDevices(k.opts.Devices)
	for index, a := range k.attachments {
		dev, ok := wanted[index]
		if ok {
			var err error
			if ok, err = a.attached(); err != nil {
				errs = append(errs, fmt.Errorf("device %q: %w", dev.name, err))
				continue
			}
		}
		if ok || unknown {
			continue
		}
		if err := a.detach(); err != nil {
			errs = append(errs, fmt.Errorf("detach from a device: %w", err))
		}
		delete(k.attachments, index)
		errs = append(errs, k.forget(index))
	}
	for _, index := range slices.Sorted(maps.Keys(wanted)) {
		dev := wanted[index]
		if k.attachments[index] != nil {
			k.name(index, dev.name) // which may be another one that matches the pattern
			continue
		}
		a, err := k.attach(dev)
		if err != nil {
			errs = append(errs, fmt.Errorf("attach to device %q: %w", dev.name, err))
			continue
		}
		k.attachments[index] = a
		k.name(index, dev.name)
	}
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// name notes the name of a device that the programs are attached to.
func (k *keeper) name(index int, name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.names[index] = name
}

// forget forgets the name and the counts of a device that the programs are not attached to any more.
func (k *keeper) forget(index int) error {
	k.mu.Lock()
	delete(k.names, index)
	k.mu.Unlock()
	for egress := range uint32(2) {
		err := k.traffic.Delete(hostTrafficKey{Ifindex: uint32(index), Egress: egress})
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("remove the counts of a device that is gone: %w", err)
		}
	}
	return nil
}

// nameOf returns the name of a device that the programs are attached to.
func (k *keeper) nameOf(index int) (name string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, ok = k.names[index]
	return name, ok
}

// attach attaches the programs to one device, by the best means that the kernel has.
func (k *keeper) attach(dev device) (attachment, error) {
	ingress, egress := k.programs.FromNetwork, k.programs.ToNetwork
	if dev.l3 {
		ingress, egress = k.programs.FromNetworkL3, k.programs.ToNetworkL3
	}
	if k.owner == nil && !k.opts.withoutTCX {
		a, err := attachTCX(dev, ingress, egress)
		if !errors.Is(err, ebpf.ErrNotSupported) {
			return a, err
		}
	}
	if err := k.own(); err != nil {
		return nil, err
	}
	return attachClsact(dev, k.owner, ingress, egress)
}

// own prepares for clsact, once.
func (k *keeper) own() (err error) {
	if k.owner != nil {
		return nil
	}
	if err := removeLeftovers(); err != nil {
		return fmt.Errorf("remove what a killed datapath left: %w", err)
	}
	k.owner, err = newOwner()
	return err
}

func (k *keeper) detach() error {
	var errs []error
	for index, a := range k.attachments {
		errs = append(errs, a.detach())
		delete(k.attachments, index)
	}
	if k.owner != nil {
		k.owner.close()
	}
	return errors.Join(errs...)
}
