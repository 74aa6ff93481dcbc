// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"io/fs"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"

	"github.com/cilium/monitor/bpf"
)

func kernelRequirements(caps capabilitySet, s *settings) []requirement {
	requirements := []requirement{
		kernelRequirement(caps, "perf event arrays", "Linux 4.3 with CONFIG_BPF_SYSCALL", features.HaveMapType(ebpf.PerfEventArray), capBPF),
	}
	if s.readsRingBuffer() {
		requirements[0] = kernelRequirement(caps, "ring buffers", "Linux 5.8", features.HaveMapType(ebpf.RingBuf), capBPF)
	}
	if s.ownDatapath() {
		requirements = append(requirements,
			kernelRequirement(caps, "embedded datapath", "Linux 5.15 with CONFIG_NET_CLS_ACT", bpf.CheckPrograms(), capBPF, capNetAdmin, capPerfmon),
		)
		requirements = append(requirements, attachRequirements(caps)...)
	}
	if s.Kernel.KernelDrops {
		requirements = append(requirements, kernelDropsRequirement(caps))
	}
	return requirements
}

// kernelDropsRequirement loads the program that sees what the kernel drops, and attaches it to nothing.
func kernelDropsRequirement(caps capabilitySet) requirement {
	reasons, err := bpf.CheckKernelDrops()
	r := kernelRequirement(caps, "kernel drops", "Linux 5.15 with CONFIG_DEBUG_INFO_BTF", err, capBPF, capPerfmon)
	switch {
	case err != nil:
	case reasons:
		r.detail = "in this kernel, with reasons"
	default:
		r.state = stateNote
		r.detail = "before Linux 5.17 the kernel gives no reasons: drops are told by function"
	}
	return r
}

// attachRequirements judges the ways to attach programs to devices, of which one is enough.
func attachRequirements(caps capabilitySet) []requirement {
	err := bpf.CheckTCX()
	needed := []capability{capBPF, capNetAdmin}
	tcx := kernelRequirement(caps, "TCX", "Linux 6.6 with CONFIG_NET_XGRESS", err, needed...)
	if !errors.Is(err, ebpf.ErrNotSupported) || len(caps.missing(needed)) > 0 { // what may not be asked looks as if it were not there
		return []requirement{tcx}
	}
	tcx.state, tcx.remedies = stateNote, nil
	tcx.detail = "not in this kernel: the programs are attached by clsact instead, and go on if the agent is killed"
	err = bpf.CheckClsact()
	if errors.Is(err, fs.ErrPermission) {
		return []requirement{tcx, {name: clsact, state: stateUnknown, detail: "can't tell without CAP_SYS_ADMIN, for a network namespace to try it in"}}
	}
	return []requirement{tcx, kernelRequirement(caps, clsact, "Linux 4.5 with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF", err, capNetAdmin)}
}

const clsact = "clsact"

// kernelRequirement judges the error of a probe of the kernel that takes capabilities; since is
// the kernel that has what it looked for.
func kernelRequirement(caps capabilitySet, name, since string, err error, needed ...capability) requirement {
	r := requirement{name: name, state: stateOK, detail: "in this kernel"}
	switch {
	case err == nil:
		return r
	case len(caps.missing(needed)) > 0, errors.Is(err, fs.ErrPermission):
		return notPermitted(caps, name, err, needed...)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.ENOSYS):
		r.detail = "not in this kernel"
	default:
		r.detail = err.Error()
	}
	r.state = stateMissing
	r.remedies = []string{since + ", or newer"}
	return r
}
