// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io/fs"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

func kernelRequirements(caps capabilitySet, s *settings) []requirement {
	requirements := []requirement{
		kernelRequirement(caps, "perf event arrays", "Linux 4.3 with CONFIG_BPF_SYSCALL", features.HaveMapType(ebpf.PerfEventArray), capBPF),
	}
	if s.ownDatapath() {
		requirements = append(requirements,
			kernelRequirement(caps, "classifier programs", "Linux 4.1 with CONFIG_NET_CLS_ACT", features.HaveProgramType(ebpf.SchedCLS), capBPF, capNetAdmin),
			kernelRequirement(caps, "TCX", "Linux 6.6 with CONFIG_NET_XGRESS", haveTCX(), capNetAdmin),
		)
	}
	return requirements
}

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

// haveTCX asks for the programs of the loopback device, which is the first of each
// network namespace. A kernel that does not know TCX calls the question invalid.
func haveTCX() error {
	_, err := link.QueryPrograms(link.QueryOptions{Target: 1, Attach: ebpf.AttachTCXIngress})
	if errors.Is(err, unix.EINVAL) {
		return ebpf.ErrNotSupported
	}
	return err
}
