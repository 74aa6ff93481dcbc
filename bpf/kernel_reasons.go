// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bpf

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// kernelDropNoise are the reasons of what is no loss to anybody.
var kernelDropNoise = []string{"SKB_NOT_DROPPED_YET", "SKB_CONSUMED", "SOCKET_CLOSE", "QUEUE_PURGE", "UNIX_DISCONNECT", "UNIX_SKIP_OOB"}

// KernelDropNoise returns the names of the reasons of which no events are made unless [KernelDropsOptions].All: what was
// consumed, and what was left in the queues of a socket or device that somebody closed. The slice is the caller's.
func KernelDropNoise() []string { return slices.Clone(kernelDropNoise) }

// How many arguments the tracepoint kfree_skb has where it gives a reason: the packet and the function come first.
const argumentsWithReason = 3

// kfreeSKBArguments returns the number of arguments of the kernel's tracepoint. The error wraps [ebpf.ErrNotSupported] if the
// kernel has no BTF.
func kfreeSKBArguments() (int, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ebpf.ErrNotSupported, err)
		}
		return 0, fmt.Errorf("read the kernel's BTF: %w", err)
	}
	var tracepoint *btf.Typedef
	if err := spec.TypeByName("btf_trace_kfree_skb", &tracepoint); err != nil {
		return 0, fmt.Errorf("find the tracepoint skb:kfree_skb in the kernel's BTF: %w", err)
	}
	if pointer, ok := tracepoint.Type.(*btf.Pointer); ok {
		if function, ok := pointer.Target.(*btf.FuncProto); ok && len(function.Params) >= 3 {
			return len(function.Params) - 1, nil // without the probe's own data
		}
	}
	return 0, fmt.Errorf("the tracepoint skb:kfree_skb is a %v in the kernel's BTF", tracepoint.Type)
}

// kernelReasons are the names of the reasons why the kernel drops packets, which differ from kernel to kernel. A reason is a
// number: its upper 16 bits are that of a subsystem.
type kernelReasons struct {
	mu         sync.Mutex // guards what follows
	names      map[uint32]string
	subsystems map[uint32]string    // names of those that have reasons of their own
	looked     map[uint32]time.Time // when those were looked for in vain
}

const subsystemShift = 16 // SKB_DROP_REASON_SUBSYS_SHIFT of include/net/dropreason.h

// loadKernelReasons reads them from the BTF of the kernel. It has none if the kernel gives no reasons.
func loadKernelReasons() (*kernelReasons, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("read the kernel's BTF: %w", err)
	}
	r := &kernelReasons{names: map[uint32]string{}, subsystems: map[uint32]string{}, looked: map[uint32]time.Time{}}
	var reasons, subsystems *btf.Enum
	if err := spec.TypeByName("skb_drop_reason", &reasons); err != nil {
		if errors.Is(err, btf.ErrNotFound) {
			return r, nil
		}
		return nil, fmt.Errorf("read the reasons of drops from the kernel's BTF: %w", err)
	}
	for _, v := range reasons.Values {
		if v.Value>>subsystemShift == 0 {
			r.names[uint32(v.Value)] = strings.TrimPrefix(v.Name, "SKB_DROP_REASON_")
		}
	}
	if err := spec.TypeByName("skb_drop_reason_subsys", &subsystems); err == nil {
		for _, v := range subsystems.Values {
			if name := strings.TrimPrefix(v.Name, "SKB_DROP_REASON_SUBSYS_"); v.Value > 0 && name != "NUM" {
				r.subsystems[uint32(v.Value)] = name
				r.loadSubsystemLocked(uint32(v.Value))
			}
		}
	}
	return r, nil
}

// loadSubsystemLocked reads the reasons of a subsystem from the BTF of its module, or of the kernel if it is built in. There are
// none as long as the module is not loaded. The caller holds r.mu, or nobody else has r yet.
func (r *kernelReasons) loadSubsystemLocked(number uint32) {
	r.looked[number] = time.Now()
	module, _, _ := strings.Cut(strings.ToLower(r.subsystems[number]), "_")
	enum := module + "_drop_reason"
	if module == "openvswitch" {
		enum = "ovs_drop_reason"
	}
	for _, load := range []func() (*btf.Spec, error){
		func() (*btf.Spec, error) { return btf.LoadKernelModuleSpec(module) },
		btf.LoadKernelSpec,
	} {
		spec, err := load()
		if err != nil {
			continue
		}
		var reasons *btf.Enum
		if err := spec.TypeByName(enum, &reasons); err != nil {
			continue
		}
		for _, v := range reasons.Values {
			if v.Value>>subsystemShift == uint64(number) {
				r.names[uint32(v.Value)] = strings.TrimLeft(v.Name, "_")
			}
		}
		return
	}
}

// lookAgainAfter is how long reasons that have no names are taken for such: looking takes milliseconds.
const lookAgainAfter = 10 * time.Second

// name returns the name of a reason, and "" for one that has none.
func (r *kernelReasons) name(reason uint32) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if subsystem := reason >> subsystemShift; r.mayLearnLocked(reason) && time.Since(r.looked[subsystem]) >= lookAgainAfter {
		r.loadSubsystemLocked(subsystem)
	}
	return r.names[reason]
}

// mayLearn tells whether a reason that has no name may get one, when the module is loaded whose reason it is.
func (r *kernelReasons) mayLearn(reason uint32) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mayLearnLocked(reason)
}

func (r *kernelReasons) mayLearnLocked(reason uint32) bool {
	return r.names[reason] == "" && r.subsystems[reason>>subsystemShift] != ""
}

// number returns the number of a reason of the kernel's core, the highest of all if it has none of that name.
func (r *kernelReasons) number(name string) uint32 {
	for number, other := range r.names {
		if other == name {
			return number
		}
	}
	return math.MaxUint32
}

// noise returns the numbers of the reasons that are noise, as the program wants them.
func (r *kernelReasons) noise() (numbers [4]uint64) {
	for number, name := range r.names {
		if number < 256 && slices.Contains(kernelDropNoise, name) {
			numbers[number/64] |= 1 << (number % 64)
		}
	}
	return numbers
}
