// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/agent"
	"github.com/cilium/monitor/agent/source"
	"github.com/cilium/monitor/internal/wanted"
)

// KernelDropsSource is the name of the source that [KernelDrops.AttachTo] attaches.
const KernelDropsSource = "kernel-drops"

// KernelDropsOptions says what of the packets that the kernel drops is told.
type KernelDropsOptions struct {
	// All has events made also of what [KernelDropNoise] names, of what is dropped without a reason and is no loss either:
	// what a closed socket or device had not read, the parts of a packet that go with it, packets of test runs of BPF programs, and
	// the end of TCP connections; of broadcasts and multicasts that this machine has no use for; and of what sockets of the
	// machine send to each other, which is no packet. Without it that is counted only.
	All bool
}

// KernelDrops is a program that sees each packet that the kernel drops, at the tracepoint skb:kfree_skb. It goes with the process.
type KernelDrops struct {
	objects   kernelDropsObjects
	link      link.Link
	reasons   *kernelReasons
	arguments int // of the tracepoint
	texts     dropTexts

	knowsContext bool // it can tell whether it runs in the context of a process
}

// LoadKernelDrops loads the program and attaches it, on Linux 5.15 or newer with BTF. It counts from then on. It writes
// no event before an agent that it is attached to wants some. The network namespace of the
// calling thread is the one whose devices are told apart by the counters.
func LoadKernelDrops(opts KernelDropsOptions) (_ *KernelDrops, err error) {
	k := &KernelDrops{}
	defer func() {
		if err == nil {
			return
		}
		if errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 {
			err = fmt.Errorf("%w (it takes root, or CAP_BPF and CAP_PERFMON)", err)
		}
		err = errors.Join(fmt.Errorf("watch what the kernel drops: %w", err), k.Close())
	}()
	if err := k.load(opts); err != nil {
		return nil, err
	}
	k.link, err = link.AttachTracing(link.TracingOptions{Program: k.objects.KernelDrop})
	return k, err
}

// load loads the program and attaches it to nothing.
func (k *KernelDrops) load(opts KernelDropsOptions) (err error) {
	if k.arguments, err = kfreeSKBArguments(); err != nil {
		return err
	}
	if k.reasons, err = loadKernelReasons(); err != nil {
		return err
	}
	netns, err := netnsInode()
	if err != nil {
		return err
	}
	spec, err := loadKernelDrops()
	if err != nil {
		return err
	}
	k.knowsContext, err = readPreemptCount(spec.Programs[kernelDropsProgKernelDrop])
	if err != nil {
		return fmt.Errorf("find out how the kernel tells whether it serves an interrupt: %w", err)
	}
	for name, value := range map[string]any{
		kernelDropsVarKnowsContext: k.knowsContext,
		kernelDropsVarArguments:    uint32(k.arguments),
		kernelDropsVarNoiseReasons: k.reasons.noise(),
		kernelDropsVarTellNoise:    opts.All,
		kernelDropsVarNotSpecified: k.reasons.number("NOT_SPECIFIED"),
		kernelDropsVarNoSocket:     k.reasons.number("NO_SOCKET"),
		kernelDropsVarOwnNetns:     netns,

		kernelDropsVarUnhandledProto: k.reasons.number("UNHANDLED_PROTO"),
		kernelDropsVarNoRoutes:       k.reasons.number("IP_INNOROUTES"),
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return err
		}
	}
	spec.Maps[kernelDropsMapDropEvents].MaxEntries = uint32(DefaultRingBufferSize())
	spec.Maps[kernelDropsMapDropsWanted].Contents = []ebpf.MapKV{
		{Key: uint32(0), Value: wanted.Value{Version: wanted.Version, Types: source.Types{}}},
	}
	return spec.LoadAndAssign(&k.objects, nil)
}

// netnsInode returns the inode of the network namespace of the calling thread.
func netnsInode() (uint32, error) {
	var stat unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &stat); err != nil {
		return 0, fmt.Errorf("find the network namespace: %w", err)
	}
	return uint32(stat.Ino), nil
}

// AttachTo has an agent read the events, as the source [KernelDropsSource]. They have texts in place of numbers: see
// api.KernelDropNotify. It is detached by agent.Agent.Detach, or by the end of the agent, before Close.
func (k *KernelDrops) AttachTo(a *agent.Agent) error {
	return a.AttachToRingBuffer(KernelDropsSource, k.objects.DropEvents, agent.RingBufferOptions{
		Losses: k.objects.DropsLost,
		Wanted: k.objects.DropsWanted,
		Frames: k.event,

		Suppressed: k.objects.DropsSuppressed,
	})
}

// GivesReasons tells whether the kernel tells why it drops a packet, as Linux 5.17 and newer do. Others tell the function alone.
func (k *KernelDrops) GivesReasons() bool { return k.arguments >= argumentsWithReason }

// Close detaches and unloads the program. Only the first call does anything.
func (k *KernelDrops) Close() error {
	var err error
	if k.link != nil {
		err = k.link.Close()
		k.link = nil
	}
	return errors.Join(err, k.objects.Close())
}

// CheckKernelDrops tells whether [LoadKernelDrops] could load its program, and whether the kernel gives reasons. It attaches
// nothing. The error wraps [ebpf.ErrNotSupported] if the kernel has no BTF.
func CheckKernelDrops() (reasons bool, err error) {
	k := &KernelDrops{}
	if err := k.load(KernelDropsOptions{}); err != nil {
		return false, err
	}
	return k.GivesReasons(), k.Close()
}

// Where things are in struct kernel_drop of kernel_drops.h and in the event that is made of it.
const (
	offRecordEvent  = 8 // behind the address of the function
	offRecordPacket = offRecordEvent + offEventTexts

	offEventCapLen = 12
	offEventReason = 16
	offEventOffset = 48
	offEventTexts  = 88 // of reason and function
	offEventPacket = offEventTexts + dropTextsLen
)

// event makes an event of a record of the program. It is called by the goroutine that reads the events, which copies
// what it returns before the next call.
func (k *KernelDrops) event(record []byte) (event []byte, ok bool) {
	if len(record) < offRecordPacket {
		return nil, false
	}
	packet := record[offRecordPacket:]
	captured := int(binary.NativeEndian.Uint16(record[offRecordEvent+offEventCapLen:]))
	if captured > len(packet) {
		return nil, false
	}
	texts := k.texts.of(k, dropSite{
		location: binary.NativeEndian.Uint64(record),
		reason:   binary.NativeEndian.Uint32(record[offRecordEvent+offEventReason:]),
	})
	event = append(k.texts.event[:0], record[offRecordEvent:offRecordPacket]...)
	binary.NativeEndian.PutUint32(event[offEventOffset:], texts.offset)
	event = append(event, texts.text[:]...)
	event = append(event, packet[:captured]...)
	k.texts.event = event
	return event, true
}
